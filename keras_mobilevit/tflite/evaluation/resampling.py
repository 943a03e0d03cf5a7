"""Confidence interval of a difference of mean IoU, by bootstrapping images."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 1000


def mean_iou_interval(
    first: np.ndarray, second: np.ndarray
) -> tuple[float, float]:
    """95 % confidence interval of the difference of two mean IoUs.

    Percentile bootstrap with 1,000 resamples of the images; each resample is
    applied to both networks, so the comparison is paired.

    Args:
        first: Confusion matrices of one network, `(images, classes,
            classes)`.
        second: Confusion matrices of the other network on the same images.

    Returns:
        `(low, high)` in [-1, 1], of the second mean IoU minus the first.
    """
    images = len(first)
    # How often each image was drawn: [resamples, images]
    draws = np.random.default_rng(0).multinomial(
        images, np.full(images, 1 / images), size=_RESAMPLES
    )
    differences = _mean_ious(draws, second) - _mean_ious(draws, first)
    low, high = np.nanpercentile(differences, (2.5, 97.5))
    return float(low), float(high)


def _mean_ious(draws, matrices):
    """Mean IoU of each resample; NaN where no pixel counts."""
    hits = draws @ np.diagonal(matrices, axis1=1, axis2=2)
    union = draws @ (matrices.sum(axis=1) + matrices.sum(axis=2)) - hits
    present = union > 0
    scores = np.divide(hits, union, out=np.zeros(hits.shape), where=present)
    with np.errstate(invalid="ignore"):
        return scores.sum(axis=1) / present.sum(axis=1)
