"""Boxes from files in the format of COCO."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping

import numpy as np

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


def read_annotations(source: str | os.PathLike | Mapping) -> Annotations:
    """Reads boxes in the format of COCO.

    The categories, sorted by their number, become the classes 1, 2, ...;
    gaps between the numbers do not matter. Crowds are left out. Boxes are cut
    at the edges of the image, and those without area are left out, as in the
    authors' code.

    Args:
        source: JSON file, or what is in it.

    Returns:
        The images with their boxes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not in the format of COCO, or contradicts itself.

    Example:
        >>> from keras_mobilevit import detection
        >>> annotations = detection.read_annotations("boxes.json")
        >>> len(annotations.images), annotations.labels
        (2, ('background', 'cat', 'dog'))
    """
    content = load_json(source)
    try:
        categories = sorted(content["categories"], key=lambda c: c["id"])
        classes = {int(c["id"]): i for i, c in enumerate(categories, 1)}
        labels = ("background", *(str(c["name"]) for c in categories))
        boxes_of = {int(image["id"]): [] for image in content["images"]}
        for annotation in content["annotations"]:
            if annotation.get("iscrowd", 0):
                continue
            box = _corners(annotation["bbox"])
            label = classes[annotation["category_id"]]
            boxes_of[annotation["image_id"]].append((box, label))
        images = tuple(
            _image(image, boxes_of[image["id"]]) for image in content["images"]
        )
    except (
        AttributeError,
        KeyError,
        OverflowError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(
            "Expected annotations in the format of COCO: a dict of `images`, "
            "`annotations` and `categories`, where each annotation has the "
            "`image_id` and the `category_id` of a listed one, and a `bbox` "
            f"of four numbers. Received: {_name(source)} ({error!r})."
        ) from error
    if len(classes) < len(categories) or len(boxes_of) < len(images):
        raise ValueError(
            f"Two images or categories of {_name(source)} have the same number."
        )
    return Annotations(images, labels, (None, *classes))


def load_json(source: str | os.PathLike | Mapping) -> Mapping:
    """The content of a JSON file; what is no path is the content itself.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not JSON.
    """
    if not isinstance(source, (str, os.PathLike)):
        return source
    path = pathlib.Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of annotations at {path}.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path} is not JSON ({error}).") from error


def _corners(bbox):
    left, top, width, height = map(float, bbox)
    box = (left, top, left + width, top + height)
    if not np.isfinite(box).all():
        raise ValueError(f"bbox {bbox}")
    return box


def _image(image, boxes):
    height, width = int(image["height"]), int(image["width"])
    if min(height, width) < 1 or max(height, width) > _MAX_SIDE:
        raise ValueError(f"an image of {width}x{height} pixels")
    corners = np.array([box for box, _ in boxes], np.float64).reshape(-1, 4)
    # Before they become float32, which has no place for the largest numbers.
    corners = corners.clip(0, np.float64([width, height, width, height]))
    corners = corners.astype(np.float32)
    labels = np.array([label for _, label in boxes], np.int64)
    has_area = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    return AnnotatedImage(
        int(image["id"]),
        str(image["file_name"]),
        (height, width),
        corners[has_area],
        labels[has_area],
    )


def _name(source):
    return source if isinstance(source, (str, os.PathLike)) else "a dict"
