"""Confidence interval of a difference of mean IoU, by bootstrapping images."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 1000


def mean_iou_interval(
    first: np.ndarray, second: np.ndarray
) -> tuple[float, float]:
    """95 % interval of the difference of two mean IoUs on the same pictures.

    The percentile bootstrap: pictures are drawn with replacement, as many as
    there are, 1,000 times, the same ones for both.

    Args:
        first: Confusion matrix of each picture, `(n, classes, classes)`.
        second: Likewise, of another network.

    Returns:
        `(low, high)` in [-1, 1] of the second mean IoU less the first.
    """
    images = len(first)
    # How often each picture was drawn: [resamples, images]
    draws = np.random.default_rng(0).multinomial(
        images, np.full(images, 1 / images), size=_RESAMPLES
    )
    differences = _mean_ious(draws, second) - _mean_ious(draws, first)
    low, high = np.nanpercentile(differences, (2.5, 97.5))
    return float(low), float(high)


def _mean_ious(draws, matrices):
    """Mean IoU of each resample, not a number where no pixel counts."""
    hits = draws @ np.diagonal(matrices, axis1=1, axis2=2)
    union = draws @ (matrices.sum(axis=1) + matrices.sum(axis=2)) - hits
    present = union > 0
    scores = np.divide(hits, union, out=np.zeros(hits.shape), where=present)
    with np.errstate(invalid="ignore"):
        return scores.sum(axis=1) / present.sum(axis=1)
