"""Boxes: their two forms, their overlap, and their code relative to anchors.

Boxes are in corner form: left, top, right, bottom. Anchors are in centre form:
centre x, centre y, width, height. Both as shares of the image's sides.
"""

from __future__ import annotations

import numpy as np

from keras_mobilevit.array_ops import ops_for

# The network predicts shifts in units of a tenth of the anchor's side, and
# logarithms of sizes in units of a fifth.
CENTER_VARIANCE = 0.1
SIZE_VARIANCE = 0.2


def to_corners(boxes: np.ndarray) -> np.ndarray:
    """Turns an array `(..., 4)` from centre to corner form."""
    center, half = boxes[..., :2], boxes[..., 2:] / 2
    return np.concatenate([center - half, center + half], axis=-1)


def to_centers(boxes: np.ndarray) -> np.ndarray:
    """Turns an array `(..., 4)` from corner to centre form."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def encode_boxes(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Encodes boxes relative to anchors: what the network shall predict.

    `(g_xy - a_xy) / a_wh / 0.1` and `ln(g_wh / a_wh) / 0.2`: equation 2 of
    arXiv 1512.02325, with variances.

    Args:
        boxes: Array `(anchors, 4)` in corner form, of positive sides.
        anchors: Array `(anchors, 4)` in centre form.

    Returns:
        Array `(anchors, 4)` of offsets.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> boxes = np.array([[0.4375, 0.25, 0.6875, 0.75]])
        >>> anchors = np.array([[0.5, 0.5, 0.25, 0.5]])
        >>> detection.encode_boxes(boxes, anchors).tolist()
        [[2.5, 0.0, 0.0, 0.0]]
    """
    boxes = to_centers(boxes)
    shift = (boxes[:, :2] - anchors[:, :2]) / anchors[:, 2:]
    size = np.log(boxes[:, 2:] / anchors[:, 2:])
    return np.concatenate(
        [shift / CENTER_VARIANCE, size / SIZE_VARIANCE], axis=-1
    )


def decode_boxes(offsets, anchors):
    """Decodes what the network predicts; the inverse of `encode_boxes`.

    Args:
        offsets: Array or tensor `(batch, anchors, 4)`.
        anchors: Array or tensor `(anchors, 4)` in centre form.

    Returns:
        float32 `(batch, anchors, 4)` in corner form: an array for arrays,
        otherwise a tensor. Boxes may reach out of the image.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> anchors = np.array([[0.5, 0.5, 0.25, 0.5]])
        >>> detection.decode_boxes(np.zeros((1, 1, 4)), anchors).tolist()
        [[[0.375, 0.25, 0.625, 0.75]]]
    """
    ops = ops_for(offsets, anchors)
    offsets = ops.cast(offsets, "float32")
    anchors = ops.cast(anchors, "float32")
    center = (
        anchors[:, :2] + offsets[..., :2] * CENTER_VARIANCE * anchors[:, 2:]
    )
    half = ops.exp(offsets[..., 2:] * SIZE_VARIANCE) * anchors[:, 2:] / 2
    return ops.concatenate([center - half, center + half], axis=-1)


def pairwise_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box of `a` with every box of `b`.

    Args:
        a: Array `(m, 4)` in corner form.
        b: Array `(n, 4)` in corner form.

    Returns:
        Array `(m, n)` in [0, 1), of the type of the boxes. The union is
        enlarged by 1e-5, as in the authors' code, so that boxes without area
        have 0.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = np.prod(np.maximum(high - low, 0), axis=-1)
    union = _area(a)[:, None] + _area(b)[None] - intersection
    return intersection / (union + 1e-5)


def _area(boxes):
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=-1)
