"""Makes the content of a COCO file out of what any of the formats says."""

from __future__ import annotations

import contextlib
import pathlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from keras_mobilevit.detection.annotation_formats.pictures import PictureIndex
from keras_mobilevit.text_formatting import abbreviate, counted


class Box(NamedTuple):
    """One object.

    Attributes:
        where: What to call it in a message.
        label: Name of its class, or number from 0 on.
        corners: Left, top, right, bottom, measured from the top left corner
            of the picture, in the unit of the `Records`.
    """

    where: str
    label: str | int
    corners: tuple[float, float, float, float]


class Record(NamedTuple):
    """The objects of one picture.

    Attributes:
        where: What to call it in a message.
        references: What the picture may be called, the likeliest first.
        size: `(height, width)` in pixels, if that is known.
        boxes: The objects.
    """

    where: str
    references: tuple[str, ...]
    size: tuple[int, int] | None
    boxes: list[Box]


class Problems:
    """Collects what is wrong in many files, to tell it all at once."""

    def __init__(self):
        self.found: list[str] = []

    @contextlib.contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Notes a `ValueError` raised inside, as found at a place."""
        try:
            yield
        except ValueError as error:
            self.found.append(f"{where}: {error}")

    def raise_any(self, source: pathlib.Path) -> None:
        """Raises what was noted.

        Raises:
            ValueError: If something was.
        """
        if self.found:
            listed = "; ".join(self.found[:5])
            more = ", and more" if len(self.found) > 5 else ""
            raise ValueError(
                f"{counted(len(self.found), 'mistake')} in the annotations "
                f"{source}: {listed}{more}"
            )


class Records(NamedTuple):
    """What all files of a format say together.

    Attributes:
        source: Folder or file of the annotations.
        records: One a picture.
        shares: Whether corners are shares of the sides, or else pixels.
        class_names: Names of the classes by their number, where those are
            known; empty where boxes name their classes.
        problems: What was wrong in the files so far.
        complete: Whether a picture without a record has no objects, or else
            is not annotated.
    """

    source: pathlib.Path
    records: list[Record]
    shares: bool
    class_names: tuple[str, ...]
    problems: Problems
    complete: bool


def to_coco(
    found: Records,
    pictures: PictureIndex,
    class_names: Sequence[str] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Checks boxes, and writes them down as a COCO file has them.

    A box may stick out of its picture, as it does by rounding, but its centre
    may not lie outside.

    Args:
        found: What the files say.
        pictures: Where the pictures are.
        class_names: As in `load_annotations`; those of the files come first.

    Raises:
        FileNotFoundError: If there is no picture of some record.
        ValueError: If something is wrong with a box or a name.

    Warns:
        UserWarning: Of pictures without annotations.
    """
    records = _by_picture(found, pictures)
    found.problems.raise_any(found.source)
    sizes = _sizes(found, records, pictures)
    numbers = _class_numbers(found, class_names)
    images, annotations = [], []
    for picture, record in records.items():
        if sizes[picture] is None:
            continue
        height, width = sizes[picture]
        images.append(
            {
                "id": len(images) + 1,
                "file_name": picture,
                "height": height,
                "width": width,
            }
        )
        for box in record.boxes:
            with found.problems.at(box.where):
                left, top, right, bottom = _pixels(box, found, height, width)
                annotations.append(
                    {
                        "image_id": len(images),
                        "category_id": _number(box.label, numbers),
                        "bbox": [left, top, right - left, bottom - top],
                    }
                )
    found.problems.raise_any(found.source)
    return {
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name} for name, number in numbers.items()
        ],
    }


def _by_picture(found, pictures):
    """Name of the picture -> its record."""
    records, missing = {}, []
    for record in found.records:
        with found.problems.at(record.where):
            names = map(pictures.find, record.references)
            name = next((name for name in names if name), None)
            if name is None:
                missing.append(f"{record.references[0]} ({record.where})")
            elif name in records:
                raise ValueError(
                    f"the picture {name} is that of {records[name].where} too"
                )
            else:
                records[name] = record
    found.problems.raise_any(found.source)
    if missing:
        raise FileNotFoundError(
            f"{pictures.source} lacks {len(missing)} of the "
            f"{len(found.records)} pictures of {found.source}: "
            f"{abbreviate(missing)}"
        )
    without = [name for name in pictures.names if name not in records]
    # One file may be of a part of the pictures; a folder has one for each.
    if without and found.source.is_dir():
        told = "count as without objects" if found.complete else "are left out"
        warnings.warn(
            f"{len(without)} of the {len(pictures.names)} pictures of "
            f"{pictures.source} have no file in {found.source} and {told}: "
            f"{abbreviate(without)}",
            stacklevel=4,
        )
    if found.complete:
        records |= {name: Record(name, (name,), None, []) for name in without}
    return records


def _sizes(found, records, pictures):
    """Name of the picture -> its size, or `None` if it can not be read."""
    sizes = {name: record.size for name, record in records.items()}
    unknown = [name for name, size in sizes.items() if size is None]
    sizes |= pictures.sizes(unknown)
    if unreadable := [name for name, size in sizes.items() if size is None]:
        warnings.warn(
            f"Left out {counted(len(unreadable), 'picture')} of "
            f"{pictures.source} that can not be read: "
            f"{abbreviate(unreadable)}",
            stacklevel=4,
        )
    return sizes


def _class_numbers(found, class_names):
    """Name of a class -> its number from 1 on."""
    names = found.class_names or class_names
    if not names:
        names = sorted({b.label for r in found.records for b in r.boxes})
    numbers = {name: number for number, name in enumerate(names, start=1)}
    if len(numbers) < len(names):
        raise ValueError(
            f"The classes of {found.source} must have different names. "
            f"Received: {abbreviate(names, 20)}"
        )
    return numbers


def _number(label, numbers):
    if isinstance(label, int) and label < len(numbers):
        return label + 1
    if label in numbers:
        return numbers[label]
    names = list(numbers)
    if isinstance(label, int):
        raise ValueError(
            f"the class must be one of 0 to {len(names) - 1}, for "
            f"{abbreviate(names)}. Received: {label}"
        )
    raise ValueError(
        f"the class must be one of {abbreviate(names, 20)}. Received: "
        f"{label!r:.80}"
    )


def _pixels(box, found, height, width):
    """Corners in pixels, of a box that may be in a picture."""
    left, top, right, bottom = box.corners
    if right < left or bottom < top:
        raise ValueError(
            "the right and bottom of a box must not be less than its left and "
            f"top. Received: left {left:g}, top {top:g}, right {right:g}, "
            f"bottom {bottom:g}"
        )
    limits = (1, 1) if found.shares else (width, height)
    center = (left + right) / 2, (top + bottom) / 2
    inside = all(
        0 <= value <= limit for value, limit in zip(center, limits, strict=True)
    )
    if not inside:
        expected = (
            "shares of the picture's sides, from 0 to 1"
            if found.shares
            else f"pixels of a picture of {width}x{height}"
        )
        raise ValueError(
            f"the centre of a box must be inside of its picture. Expected "
            f"{expected}. Received: left {left:g}, top {top:g}, right "
            f"{right:g}, bottom {bottom:g}"
        )
    factors = (width, height) * 2 if found.shares else (1, 1, 1, 1)
    return [
        value * factor
        for value, factor in zip(box.corners, factors, strict=True)
    ]
