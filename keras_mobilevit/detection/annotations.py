"""Annotated boxes, out of what COCO's format or another one says."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np

from keras_mobilevit.detection.annotation_formats.load import load_annotations
from keras_mobilevit.text_formatting import abbreviate

# The longest side of an image, in pixels.
_MAX_SIDE = 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """The boxes of one image.

    Attributes:
        id: Number of the image in the file.
        file_name: Name of the picture.
        size: `(height, width)` in pixels.
        boxes: float32 array `(n, 4)`: left, top, right, bottom in pixels.
            n may be 0.
        labels: int64 array `(n,)` of classes from 1 on.

    Example:
        >>> from keras_mobilevit import detection
        >>> image = detection.read_annotations("boxes.json").images[0]
        >>> image.file_name, image.size
        ('0.png', (96, 120))
        >>> image.boxes.tolist(), image.labels.tolist()
        ([[10.0, 20.0, 60.0, 80.0]], [1])
    """

    id: int
    file_name: str
    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray

    def relative_boxes(self) -> np.ndarray:
        """The boxes as shares of the image's sides, as `make_targets` wants.

        Returns:
            float32 array `(n, 4)` in [0, 1].
        """
        height, width = self.size
        return self.boxes / np.float32([width, height, width, height])


@dataclasses.dataclass(frozen=True, eq=False)
class Annotations:
    """What a file of annotations holds.

    Attributes:
        images: The images by the order of the file, those without boxes too.
        labels: Names of the classes, the background first.
        category_ids: Number of each class in the file, the background, which
            has none, first.

    Example:
        >>> from keras_mobilevit import detection
        >>> annotations = detection.read_annotations("boxes.json")
        >>> annotations.labels, annotations.category_ids
        (('background', 'cat', 'dog'), (None, 17, 18))
    """

    images: tuple[AnnotatedImage, ...]
    labels: tuple[str, ...]
    category_ids: tuple[int | None, ...]


def read_annotations(
    source: str | os.PathLike | Mapping,
    pictures: str | os.PathLike | None = None,
    class_names: Sequence[str] | None = None,
) -> Annotations:
    """Reads boxes from a file or folder.

    The format shows in the content:

    - a JSON file as of COCO. The categories, sorted by their number, become
      the classes 1, 2, ...; gaps between the numbers do not matter, and
      crowds are left out;
    - a folder of Pascal VOC's XML files, one a picture;
    - a folder of YOLO's text files, one a picture, with a `classes.txt`,
      `*.names` or `data.yaml` beside it or above. A picture without one has
      no objects;
    - a CSV file, a line a box, with a header such as
      `filename,width,height,class,xmin,ymin,xmax,ymax`.

    Boxes are cut at the edges of the image, and those without area are left
    out, as in the authors' code.

    Args:
        source: The file or folder; or a mapping, the content of a JSON file.
        pictures: Folder or tar of the pictures, for all formats but COCO's;
            by default, where the annotations are.
        class_names: Names of the classes in their order, without the
            background, where the format does not tell the order (Pascal VOC,
            CSV, YOLO without a list). By default the sorted names that occur.

    Returns:
        The images with their boxes.

    Raises:
        FileNotFoundError: If there is no such file, or, in the formats that
            need pictures, no picture of an annotation.
        ValueError: If the format is none of these, or the content contradicts
            itself, or a box can not be in its picture.

    Warns:
        UserWarning: If pictures have no annotations or can not be read, or
            classes no names.

    Example:
        >>> from keras_mobilevit import detection
        >>> annotations = detection.read_annotations("boxes.json")
        >>> len(annotations.images), annotations.labels
        (2, ('background', 'cat', 'dog'))
    """
    content = load_annotations(source, pictures, class_names)
    try:
        return _read(content)
    except _Contradiction as error:
        raise ValueError(f"{_name(source)}: {error}") from error
    except ValueError as error:
        raise ValueError(
            "Expected annotations in the format of COCO: a dict of `images`, "
            "`annotations` and `categories`, where each annotation has the "
            "`image_id` and the `category_id` of a listed one, and a `bbox` "
            f"of four numbers. Received: {_name(source)} ({error})."
        ) from error


class _Contradiction(Exception):
    """The format is right, but two entries can not both be."""


def _read(content):
    """Annotations of the content of a file; errors say what is wrong."""
    if not isinstance(content, Mapping):
        raise ValueError(f"a {type(content).__name__} at the top level")
    images, categories, annotations = (
        _entries(content, key, fields)
        for key, fields in (
            ("images", ("id", "file_name", "height", "width")),
            ("categories", ("id", "name")),
            ("annotations", ("image_id", "category_id")),
        )
    )
    categories = _by_id(categories, "categories")
    images = _by_id(images, "images")
    classes = {number: i for i, number in enumerate(sorted(categories), 1)}
    boxes_of = {number: [] for number in images}
    for where, annotation in annotations.items():
        if is_crowd(annotation, where):
            continue
        if "bbox" not in annotation:
            raise ValueError(f"{where} lacks `bbox`: {annotation!s:.200}")
        box = _corners(annotation["bbox"], where)
        label = _known(annotation, "category_id", classes, where)
        image = _known(annotation, "image_id", images, where)
        boxes_of[image].append((box, classes[label]))
    return Annotations(
        tuple(
            _image(number, image, boxes_of[number])
            for number, image in images.items()
        ),
        ("background", *(str(categories[c]["name"]) for c in classes)),
        (None, *classes),
    )


def _entries(content, key, fields):
    """What to call each entry of a list -> the entry, with its fields."""
    if key not in content:
        raise ValueError(f"it lacks `{key}`; it has {list(content)!s:.200}")
    if not isinstance(content[key], (list, tuple)):
        raise ValueError(
            f"`{key}` is no list but a {type(content[key]).__name__}"
        )
    entries = {f"{key}[{i}]": entry for i, entry in enumerate(content[key])}
    for where, entry in entries.items():
        if not isinstance(entry, Mapping):
            raise ValueError(f"{where} is no dict: {entry!s:.200}")
        for field in fields:
            if field not in entry:
                raise ValueError(f"{where} lacks `{field}`: {entry!s:.200}")
    return entries


def _by_id(entries, key):
    found = {}
    for where, entry in entries.items():
        number = _integer(entry, "id", where)
        if number in found:
            raise _Contradiction(
                f"Two of its {key} have the same number, {number}."
            )
        found[number] = entry
    return found


def _integer(entry, field, where):
    """A whole number; some tools write it as text or as a float."""
    try:
        number = int(entry[field])
        if number == float(entry[field]):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(
        f"{where} has {field} {entry[field]!r:.50}, which is no whole number"
    )


def _known(annotation, field, known, where):
    number = _integer(annotation, field, where)
    if number not in known:
        kind = "images" if field == "image_id" else "categories"
        raise ValueError(
            f"{where} has {field} {number}, which is none of the "
            f"{len(known)} {kind}: {abbreviate(sorted(known))}"
        )
    return number


def is_crowd(annotation: Mapping, where: str = "an annotation") -> bool:
    """Whether an annotation is that of a crowd.

    Args:
        annotation: One of the list `annotations`.
        where: What to call it in a message.

    Raises:
        ValueError: If `iscrowd` is neither 0 nor 1, as number or as text.
    """
    crowd = annotation.get("iscrowd", 0)
    if crowd is None:
        return False
    if str(crowd) not in ("0", "1", "False", "True", "0.0", "1.0"):
        raise ValueError(f"{where} has iscrowd {crowd!r:.50}; expected 0 or 1")
    return str(crowd) in ("1", "True", "1.0")


def _corners(bbox, where):
    try:
        left, top, width, height = map(float, bbox)
    except (TypeError, ValueError):
        left = top = width = height = np.nan
    box = (left, top, left + width, top + height)
    if not np.isfinite(box).all():
        raise ValueError(
            f"{where} has bbox {bbox!s:.80}; expected [left, top, width, "
            "height] in pixels"
        )
    return box


def _image(number, image, boxes):
    where = f"the image {number}"
    height = _integer(image, "height", where)
    width = _integer(image, "width", where)
    if min(height, width) < 1 or max(height, width) > _MAX_SIDE:
        raise ValueError(f"{where} has {width}x{height} pixels")
    corners = np.array([box for box, _ in boxes], np.float64).reshape(-1, 4)
    # Before they become float32, which has no place for the largest numbers.
    corners = corners.clip(0, np.float64([width, height, width, height]))
    corners = corners.astype(np.float32)
    labels = np.array([label for _, label in boxes], np.int64)
    has_area = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    return AnnotatedImage(
        number,
        str(image["file_name"]),
        (height, width),
        corners[has_area],
        labels[has_area],
    )


def _name(source):
    return source if isinstance(source, (str, os.PathLike)) else "a dict"
