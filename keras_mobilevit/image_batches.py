"""Images out of whatever people keep batches of them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# Keys under which dictionaries hold images, the usual ones.
_KEYS = ("image", "images", "pixel_values", "inputs", "input", "x")
_IMAGE_RANK, _BATCH_RANK = 3, 4


def iterate_images(source: Any) -> Iterator[np.ndarray]:
    """Yields single images, as `iterate_batches` does batches."""
    for batch in iterate_batches(source):
        yield from batch


def iterate_batches(source: Any) -> Iterator[np.ndarray]:
    """Yields batches of images, `(count, height, width, channels)`.

    Args:
        source: Array of images; `tf.data.Dataset`, `keras.utils.PyDataset`,
            loader of PyTorch or any other iterable of images or batches; or a
            function without arguments that returns one of these. Elements may
            be tuples or lists, the images first, and dictionaries with the
            images under a usual name, such as `"image"`, or under their only
            key. Arrays `(images, labels)` are such a tuple, too.

    Raises:
        ValueError: If it is, or holds, something else.
    """
    source = unwrap_source(source)
    if isinstance(source, np.ndarray):
        yield _as_batch(source)
        return
    if isinstance(source, str | bytes) or not _is_sequence(source):
        raise ValueError(
            "Images must be an array (count, height, width, channels), or an "
            "iterable or a generator function of images or batches, alone, "
            "first in a tuple, or in a dictionary. Received: "
            f"{type(source).__name__}"
        )
    if not hasattr(source, "__iter__"):
        # A `PyDataset` has a length, and need not end with an IndexError.
        source = (source[index] for index in range(len(source)))
    for element in source:
        yield _as_batch(_images_of(element))


def unwrap_source(source: Any) -> Any:
    """The array of images, or what yields them, that a source contains.

    Args:
        source: As in `iterate_batches`.
    """
    if callable(source) and not _is_sequence(source):
        source = source()
    if isinstance(source, Mapping) or _is_pair(source):
        source = _images_of(source)
    return _as_array(source) if _is_array(source) else source


def _is_sequence(source):
    return hasattr(source, "__iter__") or (
        hasattr(source, "__getitem__") and hasattr(source, "__len__")
    )


def _is_array(source):
    return hasattr(source, "__array__") and hasattr(source, "shape")


def _is_pair(source):
    """Whether it is `(images, labels)`, and not a list of batches."""
    return (
        isinstance(source, tuple | list)
        and len(source) in (2, 3)
        and all(map(_is_array, source))
        and len(source[0].shape) == _BATCH_RANK
        and len(source[1].shape) < _IMAGE_RANK
    )


def _images_of(element):
    """What of an element are the images."""
    if isinstance(element, Mapping):
        keys = [key for key in _KEYS if key in element]
        if len(element) == 1:
            keys = list(element)
        if not keys:
            raise ValueError(
                "A dictionary must hold its images under one of the keys "
                f"{list(_KEYS)}, or alone. Received: {list(element)}"
            )
        return _images_of(element[keys[0]])
    if isinstance(element, tuple | list) and len(element):
        return _images_of(element[0])
    return element


def _as_array(images):
    if hasattr(images, "detach"):
        # Of PyTorch: NumPy takes none that is on a GPU or has a gradient.
        images = images.detach().cpu()
    array = np.asarray(images)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    return array


def _as_batch(images):
    array = _as_array(images)
    if array.ndim == _IMAGE_RANK:
        array = array[None]
    if array.ndim != _BATCH_RANK or array.dtype.kind not in "uif":
        raise ValueError(
            "Images must be arrays of numbers, (height, width, channels) or "
            f"batches of such. Received: {array.dtype} of shape {array.shape}"
        )
    return array
