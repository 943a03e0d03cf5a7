"""Anchors: the boxes that every prediction is relative to."""

from __future__ import annotations

import math

import numpy as np

from keras_mobilevit.configs import SSD_LEVELS, SSD_SCALES


def make_anchors(image_size: tuple[int, int]) -> np.ndarray:
    """Makes the anchors of an image, in the order of the model's predictions.

    Level i of six has the scale `s = linspace(0.1, 1.05, 7)[i]`. Each of its
    cells has, around its centre, squares of sides s and
    `sqrt(s * next s)`, then for each ratio r boxes of `s * sqrt(r)` by
    `s / sqrt(r)`, lying and standing. Sides end at 1. Levels, rows, columns,
    boxes in this order. Source: Section 2.2 of arXiv 1512.02325, with the
    numbers of the authors of MobileViT.

    Args:
        image_size: `(height, width)` of the model's input, in pixels.

    Returns:
        float32 array `(anchors, 4)` of centre x, centre y, width, height, as
        shares of the image's sides. 3,232 anchors at 320x320.

    Example:
        >>> from keras_mobilevit import detection
        >>> detection.make_anchors((320, 320)).shape
        (3232, 4)
    """
    scales = np.linspace(*SSD_SCALES, len(SSD_LEVELS) + 1)
    levels = []
    for level, size, scale, next_scale in zip(
        SSD_LEVELS, map_sizes(image_size), scales, scales[1:], strict=False
    ):
        larger = math.sqrt(scale * next_scale)
        shapes = [(scale, scale), (larger, larger)]
        for root in map(math.sqrt, level.ratios):
            shapes += [
                (scale * root, scale / root),
                (scale / root, scale * root),
            ]
        levels.append(_tile(size, np.array(shapes)))
    return np.concatenate(levels).clip(0, 1).astype(np.float32)


def map_sizes(image_size: tuple[int, int]) -> list[tuple[int, int]]:
    """`(height, width)` of the feature map of every level.

    Args:
        image_size: `(height, width)` of the model's input, in pixels.
    """
    height, width = image_size
    return [
        (1, 1)
        if level.stride is None
        else (-(-height // level.stride), -(-width // level.stride))
        for level in SSD_LEVELS
    ]


def _tile(size, shapes):
    """Puts all shapes `(n, 2)` into all cells of a map: `(cells * n, 4)`."""
    rows, columns = size
    y = (np.arange(rows) + 0.5) / rows
    x = (np.arange(columns) + 0.5) / columns
    anchors = np.empty((rows, columns, len(shapes), 4))
    anchors[..., 0] = x[None, :, None]
    anchors[..., 1] = y[:, None, None]
    anchors[..., 2:] = shapes
    return anchors.reshape(-1, 4)
