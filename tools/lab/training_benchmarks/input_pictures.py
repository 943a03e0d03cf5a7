"""Pictures that cost as much to read as those of well-known data sets."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from keras_mobilevit.progress import progress_bar

CLASSES = 10


def write_photos(
    folder: pathlib.Path, count: int, size: tuple[int, int] = (375, 500)
) -> pathlib.Path:
    """Writes JPEG files of the size of ImageNet's, in class folders.

    Coarse and fine noise together make files of about 110 kB, as those are.

    Args:
        folder: Where to.
        count: Number of files.
        size: `(height, width)` in pixels.

    Returns:
        The folder.
    """
    rng = np.random.default_rng(0)
    for index in progress_bar(range(count), desc="writing photos"):
        path = folder / str(index % CLASSES) / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_photo(size, rng)).save(path, quality=90)
    return folder


def _photo(size, rng):
    height, width = size
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
    pixels = np.float32(
        coarse.resize((width, height), Image.Resampling.BICUBIC)
    )
    pixels += rng.normal(0, 25, (height, width, 1))
    return pixels.clip(0, 255).astype(np.uint8)


def make_arrays(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the size of CIFAR-10's, in memory."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
    return images, np.arange(count) % CLASSES
