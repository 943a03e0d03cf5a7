"""Boxes from the text files of YOLO, one a picture.

The format is that of Darknet and Ultralytics: a line an object, of the number
of its class, from 0 on, and the centre and the sides of its box as shares of
the picture's sides. Lines of polygons, as of Ultralytics, become the boxes
around them.
"""

from __future__ import annotations

import pathlib
import warnings
from collections.abc import Sequence

from keras_mobilevit.detection.annotation_formats.assemble import (
    Box,
    Problems,
    Record,
    Records,
)
from keras_mobilevit.detection.annotation_formats.class_lists import (
    find_class_list,
    is_class_list,
)
from keras_mobilevit.detection.annotation_formats.pictures import PictureIndex
from keras_mobilevit.detection.annotation_formats.text_files import (
    read_limited,
    to_number,
)

# A polygon of a thousand points has 20 kB.
MAX_FILE_BYTES = 2**24
MAX_CLASSES = 2**16


def is_label_file(path: pathlib.Path) -> bool:
    """Whether a text file is that of a picture, judged by its name."""
    return not (is_class_list(path) or path.name.lower().startswith("readme"))


def read_yolo(
    source: pathlib.Path,
    paths: Sequence[pathlib.Path],
    pictures: PictureIndex,
    class_names: Sequence[str] | None = None,
) -> Records:
    """Reads text files.

    The names of the classes are in a `classes.txt`, a file ending in
    `.names`, or under `names` of a `data.yaml`, beside the annotations or the
    pictures or up to two folders above.

    Args:
        source: Folder of the files.
        paths: The files.
        pictures: Where the pictures are.
        class_names: Names to use where there is none of these files.

    Raises:
        ValueError: If the file of the names can not be read.

    Warns:
        UserWarning: If there are no names, so that the numbers take their
            place.
    """
    problems, records = Problems(), []
    for path in paths:
        where = path.relative_to(source).as_posix()
        with problems.at(where):
            boxes = _read(path, where)
            references = (where.rpartition(".")[0],)
            records.append(Record(where, references, None, boxes))
    names = find_class_list((source, pictures.source)) or class_names
    if not names:
        count = 1 + max(
            (box.label for record in records for box in record.boxes),
            default=0,
        )
        names = tuple(map(str, range(count)))
        warnings.warn(
            f"There is no classes.txt, data.yaml or .names file beside "
            f"{source}: its {count} classes are called by their numbers.",
            stacklevel=4,
        )
    return Records(source, records, True, tuple(names), problems, complete=True)


def _read(path, where):
    boxes = []
    lines = read_limited(path, MAX_FILE_BYTES).splitlines()
    for number, line in enumerate(lines, start=1):
        if words := line.split():
            boxes.append(_box(words, f"{where}, line {number}"))
    return boxes


def _box(words, where):
    what = f"in {where}, each word"
    label, *values = (to_number(word, what) for word in words)
    if not 0 <= label < MAX_CLASSES or label != int(label):
        raise ValueError(
            f"{where} must begin with the number of a class, from 0 on. "
            f"Received: {words[0]!r:.40}"
        )
    if len(values) == 4:
        x, y, width, height = values
        corners = (
            *(x - width / 2, y - height / 2),
            *(x + width / 2, y + height / 2),
        )
    elif len(values) >= 6 and len(values) % 2 == 0:
        xs, ys = values[::2], values[1::2]
        corners = min(xs), min(ys), max(xs), max(ys)
    else:
        hint = ", such as a confidence" if len(values) == 5 else ""
        raise ValueError(
            f"{where} must have the class, x, y, width and height, or the "
            "class and at least three points of a polygon. Received: "
            f"{len(words)} words{hint}"
        )
    return Box(where, int(label), corners)
