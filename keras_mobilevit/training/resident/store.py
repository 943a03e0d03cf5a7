"""All training pictures in memory, each in a place of the same shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from keras_mobilevit.machine import usable_cores
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.training.sources import LabelledSource

# Pictures that are read before they are put in their places.
_CHUNK = 256


@dataclasses.dataclass(frozen=True, eq=False)
class PictureStore:
    """Pictures and their sizes.

    Attributes:
        pictures: uint8 array `(count, height, width, 3)`; a smaller picture
            lies at the upper left of its place.
        shapes: int64 array `(count, 2)`: height and width of each picture as
            it was opened.
        kept: int64 array `(count, 2)`: height and width of what is kept.
        failures: Index -> reason, for each picture that can not be read.
    """

    pictures: np.ndarray = dataclasses.field(repr=False)
    shapes: np.ndarray = dataclasses.field(repr=False)
    kept: np.ndarray = dataclasses.field(repr=False)
    failures: dict[int, str]


def load_pictures(
    source: LabelledSource,
    keep: Callable[[Image.Image], np.ndarray],
    *,
    max_bytes: int,
) -> PictureStore:
    """Decodes every picture of a source once.

    Args:
        source: Pictures.
        keep: Makes of an open picture the uint8 array `(height, width, 3)`
            that is kept.
        max_bytes: What all places together may take.

    Raises:
        ValueError: If they would take more, or no picture can be read.
    """
    count = len(source)
    shapes = np.zeros((count, 2), np.int64)
    kept = np.zeros((count, 2), np.int64)
    places, failures = np.zeros((count, 0, 0, 3), np.uint8), {}

    def read(index):
        try:
            image = source.open(index)
            return (image.height, image.width), keep(image)
        except (OSError, ValueError) as error:
            return str(error), None

    with (
        progress_bar(desc="loading images", total=count, unit="image") as bar,
        ThreadPoolExecutor(usable_cores()) as pool,
    ):
        for start in range(0, count, _CHUNK):
            indices = range(start, min(start + _CHUNK, count))
            pictures = list(pool.map(read, indices))
            for index, (shape, pixels) in zip(indices, pictures, strict=True):
                if pixels is None:
                    failures[index] = shape
                else:
                    shapes[index], kept[index] = shape, pixels.shape[:2]
            places = _widen(places, kept[: indices.stop], start, max_bytes)
            for index, (_, pixels) in zip(indices, pictures, strict=True):
                if pixels is not None:
                    height, width = kept[index]
                    places[index, :height, :width] = pixels
            bar.update(len(indices))
    if len(failures) == count:
        raise ValueError(
            f"None of the {count} images could be read. The first: "
            f"{failures[0]}"
        )
    return PictureStore(places, shapes, kept, failures)


def _widen(places, kept, filled, max_bytes):
    """Places that hold the largest picture so far, with what is in them."""
    count, *extent, _ = places.shape
    height, width = np.maximum(kept.max(axis=0), extent).tolist()
    if [height, width] == extent:
        return places
    needed = count * height * width * 3
    if needed > max_bytes:
        raise ValueError(
            f"The {count:,} training images take {needed / 2**30:.1f} GiB as "
            f"bytes of {height}x{width} pixels, and there is room for "
            f"{max_bytes / 2**30:.1f} GiB. Set `input.resident_side` to fewer "
            "pixels (a reduced image loses detail), or `input.resident` to "
            "false."
        )
    # The system gives memory to a page when it is first written to.
    wider = np.zeros((count, height, width, 3), np.uint8)
    wider[:filled, : extent[0], : extent[1]] = places[:filled]
    return wider
