"""From pictures to the model's input, and from its output to masks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np

from keras_mobilevit.images import load_whole

# Rows of a mask that are decoded at a time: the logits of a photo of 12
# megapixels would take a gigabyte at once.
_BAND = 64


def preprocess(
    sources: Iterable[str | os.PathLike | bytes],
    size: tuple[int, int] = (512, 512),
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Reads pictures as the segmentation networks expect them.

    Each is resized whole, whatever its shape, bilinearly and with
    antialiasing: so the published weights were evaluated. Its EXIF data is
    heeded, and its masks are upright.

    Args:
        sources: Paths of pictures, or their bytes.
        size: `(height, width)` of the model's input, in pixels.

    Returns:
        The images, uint8 `(n, height, width, 3)`, RGB in [0, 255], and
        `(height, width)` of each picture, for `decode_predictions`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If one is not a picture, or there is none.

    Example:
        >>> from keras_mobilevit import segmentation
        >>> images, sizes = segmentation.preprocess(["photo.jpg"], (512, 512))
        >>> images.shape, sizes
        ((1, 512, 512, 3), [(96, 120)])
    """
    return load_whole(sources, size)


def decode_predictions(
    preds: np.ndarray, sizes: Sequence[tuple[int, int]] | None = None
) -> list[np.ndarray]:
    """Masks at the size of the original pictures.

    Logits are interpolated bilinearly to that size, then each pixel takes the
    class of the largest.

    Args:
        preds: Logits `(n, height, width, classes)`, at the output stride or
            at the size of the input.
        sizes: `(height, width)` of each picture, in pixels, as `preprocess`
            returns them; `None` leaves the masks at the size of the logits.

    Returns:
        For each picture a mask of class ids, uint8 `(height, width)`.

    Raises:
        ValueError: If the logits have another rank, fewer than 2 or more than
            256 classes, or another number of images than `sizes`.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> logits = np.zeros((1, 32, 32, 21), np.float32)
        >>> logits[..., 15] = 1  # a person everywhere
        >>> (mask,) = segmentation.decode_predictions(logits, [(96, 120)])
        >>> mask.shape, np.unique(mask).tolist()
        ((96, 120), [15])
    """
    preds = np.asarray(preds)
    if preds.ndim != 4 or not 2 <= preds.shape[-1] <= 256:
        raise ValueError(
            "`decode_predictions` expects logits (n, height, width, classes) "
            "of 2 to 256 classes; a single score needs that of the background, "
            "1 - p or the logit 0, in front of it. Received an array of shape "
            f"{preds.shape}"
        )
    if sizes is None:
        sizes = [preds.shape[1:3]] * len(preds)
    if len(sizes) != len(preds):
        raise ValueError(
            "There must be one size for each picture. Received: "
            f"{len(preds)} predictions and {len(sizes)} sizes"
        )
    return [
        _decode(logits.astype(np.float32, copy=False), size)
        for logits, size in zip(preds, sizes, strict=True)
    ]


def resize_logits(logits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolates logits bilinearly, as `ResizeLike` does.

    Args:
        logits: `(height, width, classes)`.
        size: `(height, width)` of the result.

    Returns:
        float32 `(*size, classes)`.
    """
    logits = logits.astype(np.float32, copy=False)
    if logits.shape[:2] == tuple(size):
        return logits
    height, width = size
    columns = _interpolate(logits, np.arange(width), width, axis=1)
    return _interpolate(columns, np.arange(height), height, axis=0)


def _decode(logits, size):
    height, width = size
    columns = _interpolate(logits, np.arange(width), width, axis=1)
    mask = np.empty((height, width), np.uint8)
    for top in range(0, height, _BAND):
        rows = np.arange(top, min(top + _BAND, height))
        band = _interpolate(columns, rows, height, axis=0)
        mask[rows] = band.argmax(axis=-1)
    return mask


def _interpolate(x, targets, count, axis):
    """Some of the `count` samples that replace those of an axis of 3."""
    source = x.shape[axis]
    # The centres of the pixels of both sizes lie at the half.
    at = np.clip((targets + 0.5) * source / count - 0.5, 0, source - 1)
    low = np.floor(at).astype(int)
    weight = (at - low).astype(np.float32)
    weight = weight.reshape((-1, 1) if axis else (-1, 1, 1))
    first = np.take(x, low, axis)
    second = np.take(x, np.minimum(low + 1, source - 1), axis)
    return first + weight * (second - first)
