"""Batches of pictures for networks that want them whole."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from keras_mobilevit.image_folders import read_files
from keras_mobilevit.images import load_whole
from keras_mobilevit.progress import progress_bar

# Pictures at a time: the logits of a mask take 20 MB each.
_BATCH = 8


class Batch(NamedTuple):
    """Some pictures that could be read.

    Attributes:
        names: Their names.
        images: Input size -> the pictures at that size, uint8
            `(n, *size, 3)`.
        sizes: `(height, width)` of each upright picture, in pixels.
    """

    names: list[str]
    images: dict[tuple[int, int], np.ndarray]
    sizes: list[tuple[int, int]]


def batches(
    source: str | os.PathLike,
    names: Sequence[str],
    input_sizes: Collection[tuple[int, int]],
) -> Iterator[Batch]:
    """Yields pictures of a folder or a tar, with one progress bar over all.

    Pictures that can not be read are left out.

    Args:
        source: As in `keras_mobilevit.image_folders.read_files`.
        names: As in `keras_mobilevit.image_folders.read_files`.
        input_sizes: Sizes to resize each picture to.
    """
    pictures = iter(
        progress_bar(
            read_files(source, names),
            total=len(names),
            desc="evaluating",
        )
    )
    while chunk := list(itertools.islice(pictures, _BATCH)):
        loaded = {}
        for picture in chunk:
            try:
                loaded[picture.name] = _load(picture.data, input_sizes)
            except ValueError:
                continue
        if not loaded:
            continue
        images, sizes = zip(*loaded.values(), strict=True)
        yield Batch(
            list(loaded),
            {
                size: np.concatenate([image[size] for image in images])
                for size in input_sizes
            },
            list(sizes),
        )


def _load(data, input_sizes):
    images = {}
    for size in input_sizes:
        images[size], (picture_size,) = load_whole([data], size)
    return images, picture_size
