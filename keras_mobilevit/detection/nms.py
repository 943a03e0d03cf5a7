"""Non-maximum suppression: of boxes that overlap, the best one stays."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_mobilevit.array_ops import ops_for


class Selection(NamedTuple):
    """The boxes of a batch that survived, best first, padded with zeros.

    NumPy arrays if they were made of such, otherwise tensors.

    Attributes:
        boxes: float32 `(batch, m, 4)`.
        scores: float32 `(batch, m)`; 0 where there is no box.
        classes: int32 `(batch, m)`.
        count: int32 `(batch,)`: boxes that are there.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> boxes = np.array(
        ...     [[[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]]
        ... )
        >>> scores = np.array([[[0.9], [0.8], [0.7]]])
        >>> selection = detection.non_max_suppression(boxes, scores)
        >>> count = selection.count[0]
        >>> selection.boxes[0, :count].tolist()
        [[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]]
    """

    boxes: Any
    scores: Any
    classes: Any
    count: Any


def non_max_suppression(
    boxes,
    scores,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.05,
    max_boxes: int = 200,
    max_candidates: int = 1000,
) -> Selection:
    """Selects boxes, each class for itself.

    In each class the box of the highest score stays and takes away those that
    it overlaps by more than `iou_threshold`; then the best of the rest, and
    so on. Of equal scores, the box of the lower index goes first, and of one
    box the lower class. Works on every backend, compiled or not, and on NumPy
    arrays without Keras.

    By default with the thresholds of version 0.1 of the authors' code and its
    recipes. How many boxes stay is different: there 200 of each class, from
    version 0.2 on 200 of an image, as here, but of the 400 best of each class
    and not of the `max_candidates` best of all.

    Args:
        boxes: Array or tensor `(batch, n, 4)` in corner form, in any unit.
        scores: Array or tensor `(batch, n, classes)`.
        iou_threshold: Overlap that takes a box away, in [0, 1].
        score_threshold: Only scores above it count; at least 0.
        max_boxes: Most boxes of an image, over all classes; at least 1.
        max_candidates: Of the `n * classes` scores of an image, only so many,
            the highest, are looked at; at least `max_boxes`. Memory grows
            with its square, times the batch.

    Returns:
        The selection; m is `max_boxes`, or `n * classes` if that is less.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> boxes = np.array(
        ...     [[[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]]
        ... )
        >>> scores = np.array([[[0.9], [0.8], [0.7]]])
        >>> selection = detection.non_max_suppression(boxes, scores)
        >>> int(selection.count[0])
        2
        >>> selection.boxes[0, 1].tolist()
        [20.0, 0.0, 30.0, 10.0]
    """
    if not (0 <= iou_threshold <= 1 and score_threshold >= 0):
        raise ValueError(
            "`iou_threshold` must be in [0, 1] and `score_threshold` at least "
            f"0. Received: {iou_threshold} and {score_threshold}"
        )
    if not 1 <= max_boxes <= max_candidates:
        raise ValueError(
            "`max_boxes` must be at least 1 and at most `max_candidates`. "
            f"Received: {max_boxes} and {max_candidates}"
        )
    ops = ops_for(boxes, scores)
    boxes, scores, classes = _candidates(
        ops,
        ops.cast(boxes, "float32"),
        ops.cast(scores, "float32"),
        score_threshold,
        max_candidates,
    )
    kept = _keep(ops, boxes, scores, classes, iou_threshold)
    # Sorting is stable on every backend: what is kept comes first, in order.
    order = ops.argsort(ops.where(kept, 0, 1), axis=-1)[:, :max_boxes]
    kept, boxes, scores, classes = (
        _gather(ops, x, order) for x in (kept, boxes, scores, classes)
    )
    return Selection(
        ops.where(kept[..., None], boxes, 0.0),
        ops.where(kept, scores, 0.0),
        ops.where(kept, classes, 0),
        ops.sum(ops.cast(kept, "int32"), axis=-1),
    )


def _candidates(ops, boxes, scores, score_threshold, max_candidates):
    """Pairs of a box and a class, best first; score 0 if under the threshold.

    Returns:
        Boxes `[B, m, 4]`, scores `[B, m]` and classes `[B, m]`.
    """
    classes = scores.shape[-1]
    # [B, n, C] -> [B, n*C]
    scores = ops.reshape(scores, (ops.shape(scores)[0], -1))
    scores = ops.where(scores > score_threshold, scores, 0.0)
    order = ops.argsort(-scores, axis=-1)[:, :max_candidates]
    return (
        _gather(ops, boxes, order // classes),
        _gather(ops, scores, order),
        order % classes,
    )


def _keep(ops, boxes, scores, classes, iou_threshold):
    """Which of the candidates stay, `[B, m]`.

    A candidate stays unless one before it stays and beats it. That rule alone
    leads to the greedy result, and needs as many rounds as the longest chain
    of candidates that each beat the next.
    """
    beats = _beats(ops, boxes, classes, iou_threshold)
    valid = scores > 0

    def changed(kept, previous):
        return ops.any(kept != previous)

    def improve(kept, previous):
        beaten = ops.any(ops.logical_and(kept[..., None], beats), axis=1)
        return ops.logical_and(valid, ops.logical_not(beaten)), kept

    return ops.while_loop(changed, improve, (valid, ops.logical_not(valid)))[0]


def _beats(ops, boxes, classes, iou_threshold):
    """Whether candidate i would take j away, `[B, m, m]`."""
    left, top, right, bottom = (boxes[..., i] for i in range(4))
    width = _pairwise(ops.minimum, right) - _pairwise(ops.maximum, left)
    height = _pairwise(ops.minimum, bottom) - _pairwise(ops.maximum, top)
    intersection = ops.maximum(width, 0.0) * ops.maximum(height, 0.0)
    area = (right - left) * (bottom - top)
    # In this order, as `ops.add` on TensorFlow takes `[1, 1, m]` for a bias of
    # `[1, m, 1]` (Keras 3.15).
    union = area[:, :, None] - intersection + area[:, None]
    positions = ops.arange(ops.shape(boxes)[1])
    return ops.logical_and(
        ops.logical_and(
            _pairwise(ops.equal, classes), positions[:, None] < positions
        ),
        intersection > iou_threshold * union,
    )


def _pairwise(function, x):
    """`[B, m]` -> `[B, m, m]`."""
    return function(x[:, :, None], x[:, None])


def _gather(ops, x, indices):
    """Takes elements `[B, k]` out of axis 1 of `[B, m]` or `[B, m, 4]`."""
    if len(x.shape) == 3:
        indices = indices[..., None]
    return ops.take_along_axis(x, indices, axis=1)
