"""Pillow's bilinear filter, in operations that Keras compiles.

Pillow enlarges by linear interpolation, and reduces by the same triangle made
as wide as the pixels of the result. It filters along the rows and then along
the columns, and rounds to bytes after each.
"""

from __future__ import annotations

from typing import Any

from keras import ops


def filter_weights(
    centres: Any, scale: Any, length: Any, extent: int | Any
) -> Any:
    """The share of each pixel of an axis in each pixel of the result.

    Args:
        centres: float32 `(count, n)`: where the middles of the new pixels
            lie, in old pixels from the edge.
        scale: float32 `(count,)`: old pixels for each new one.
        length: float32 `(count,)`: old pixels that there are; what lies
            behind has no share.
        extent: Pixels of the axis, of which the first `length` count.

    Returns:
        float32 `(count, n, extent)`; every row adds up to 1.
    """
    middles = ops.arange(extent, dtype="float32") + 0.5
    support = ops.maximum(scale, 1.0)[:, None, None]
    distances = ops.abs(middles - centres[:, :, None]) / support
    there = ops.cast(middles < length[:, None], "float32")[:, None, :]
    weights = ops.maximum(1.0 - distances, 0.0) * there
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def pick_weights(weights: Any, picks: Any, extent: int) -> Any:
    """Weights of the pixels that were picked, as those of all pixels.

    Args:
        weights: float32 `(count, n, m)`, of `filter_weights`.
        picks: int32 `(count, m)`: which pixel of the axis each of them is.
        extent: Pixels of the axis.

    Returns:
        float32 `(count, n, extent)`.
    """
    return ops.matmul(weights, ops.one_hot(picks, extent, dtype="float32"))


def apply_weights(images: Any, rows: Any, columns: Any) -> Any:
    """Filters images along both axes.

    Args:
        images: `(count, height, width, 3)` in [0, 255].
        rows: float32 `(count, new_height, height)`, of `filter_weights`.
        columns: float32 `(count, new_width, width)`.

    Returns:
        float32 `(count, new_height, new_width, 3)`: whole numbers in
        [0, 255].
    """
    images = ops.cast(images, "float32")
    # [B, H, W, 3] -> [B, W', H, 3] -> [B, H', W', 3]
    images = _round(ops.einsum("bow,bhwc->bohc", columns, images))
    return _round(ops.einsum("boh,bwhc->bowc", rows, images))


def _round(values):
    # Halves up, as Pillow does, and not to the even number.
    return ops.floor(values + 0.5)
