"""The one way in for files of boxes: finds the format, returns that of COCO."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping, Sequence

from keras_mobilevit.detection.annotation_formats.assemble import (
    Records,
    to_coco,
)
from keras_mobilevit.detection.annotation_formats.csv_boxes import read_csv
from keras_mobilevit.detection.annotation_formats.pascal_voc import read_voc
from keras_mobilevit.detection.annotation_formats.pictures import PictureIndex
from keras_mobilevit.detection.annotation_formats.text_files import (
    read_limited,
    starts_with,
)
from keras_mobilevit.detection.annotation_formats.yolo import (
    is_label_file,
    read_yolo,
)
from keras_mobilevit.text_formatting import abbreviate, counted

# The annotations of COCO train2017 have 449 MB; a box takes about 60 bytes of a
# CSV file, and ten times as much in memory.
MAX_JSON_BYTES = 2**29
MAX_CSV_BYTES = 2**27

EXPECTED = (
    "a JSON file as of COCO, a CSV file with a line a box, or a folder of "
    "Pascal VOC's .xml files or YOLO's .txt files"
)


def load_annotations(
    source: str | os.PathLike | Mapping,
    pictures: str | os.PathLike | None = None,
    class_names: Sequence[str] | None = None,
) -> Mapping:
    """Loads boxes of any format that is read, as content of a COCO file.

    Args:
        source: JSON file in the format of COCO; CSV file; folder of Pascal
            VOC's XML files, of YOLO's text files, or of one of the files
            before, beside pictures perhaps; or a mapping, which is returned
            as it is.
        pictures: Folder or tar of the pictures; by default, where the
            annotations are. Not needed for the format of COCO.
        class_names: Names of the classes in their order, without a
            background, where the files do not tell it: they name classes
            (Pascal VOC, CSV), or only number them (YOLO without a list of
            names). By default the sorted names that occur.

    Raises:
        FileNotFoundError: If there is no such file, or no picture of some
            annotation.
        ValueError: If the format is none of these, or an annotation can not
            be: the message lists the first of them.

    Warns:
        UserWarning: If pictures are left out, or are taken for pictures
            without objects, or classes have no names.
    """
    if not isinstance(source, (str, os.PathLike)):
        return source
    path = pathlib.Path(source)
    if path.is_dir():
        return _load_folder(path, pictures or path, class_names)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file of annotations at {path}, and no folder. "
            f"Expected {EXPECTED}."
        )
    kind = _kind(path)
    if kind == "json":
        return _load_json(path)
    pictures = PictureIndex(pictures or path.parent)
    if kind == "xml":
        return to_coco(read_voc(path, [path]), pictures, class_names)
    records = read_csv(path, read_limited(path, MAX_CSV_BYTES))
    return to_coco(records, pictures, class_names)


def _kind(path):
    suffix = path.suffix.lower()
    if suffix in (".json", ".csv", ".xml"):
        return suffix[1:]
    if starts_with(path, "{["):
        return "json"
    return "xml" if starts_with(path, "<") else "csv"


def _load_folder(folder, pictures, class_names):
    """Annotations of the only kind that the files of a folder have."""
    found = {".xml": [], ".txt": [], ".json": [], ".csv": []}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith((".", "__MACOSX")) for part in relative.parts):
            continue
        kind = path.suffix.lower()
        if kind == ".txt" and not is_label_file(path):
            continue
        if kind in found and path.is_file():
            found[kind].append(path)
    present = {kind: paths for kind, paths in found.items() if paths}
    if len(present) != 1:
        listed = ", ".join(
            f"{len(paths)} {kind}" for kind, paths in present.items()
        )
        raise ValueError(
            f"Expected annotations of one format in the folder {folder}: one "
            ".json or .csv file, or .xml or .txt files. Received: "
            f"{listed or 'none of these'}"
        )
    ((kind, paths),) = present.items()
    if kind in (".json", ".csv"):
        if len(paths) > 1:
            raise ValueError(
                f"Expected one {kind} file of all annotations in {folder}. "
                f"Received: {counted(len(paths), 'file')}, "
                f"{abbreviate([path.name for path in paths])}. Name one of "
                "them."
            )
        return load_annotations(paths[0], pictures, class_names)
    index = PictureIndex(pictures)
    if kind == ".xml":
        return to_coco(read_voc(folder, paths), index, class_names)
    records: Records = read_yolo(folder, paths, index, class_names)
    return to_coco(records, index, class_names)


def _load_json(path):
    text = read_limited(path, MAX_JSON_BYTES)
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path} is not JSON ({error}).") from error
