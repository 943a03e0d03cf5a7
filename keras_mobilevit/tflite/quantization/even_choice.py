"""Which images are looked at, where not all have to be."""

from __future__ import annotations

import numpy as np


def evenly(images: np.ndarray, count: int) -> np.ndarray:
    """At most so many images, evenly chosen.

    Those of a folder come class by class, so the first ones would not do.

    Args:
        images: `(images, ...)`.
        count: At least 1.

    Returns:
        `(min(images, count), ...)`; all of them, where there are no more.
    """
    if len(images) <= count:
        return images
    chosen = np.linspace(0, len(images) - 1, count)
    return images[np.round(chosen).astype(int)]
