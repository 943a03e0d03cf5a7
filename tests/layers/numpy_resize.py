"""Resizing by its definition."""

import numpy as np


def numpy_resize(x, size):
    """Bilinear with half-pixel centres and no antialiasing, in float64."""
    for axis, count in zip((1, 2), size, strict=True):
        source = x.shape[axis]
        at = (np.arange(count) + 0.5) * source / count - 0.5
        low = np.floor(at).astype(int)
        weight = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
        first, second = (
            np.take(x, np.clip(i, 0, source - 1), axis) for i in (low, low + 1)
        )
        x = (1 - weight) * first.astype(np.float64) + weight * second
    return x
