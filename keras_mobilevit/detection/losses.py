"""The multi-box loss of SSD, with hard-negative mining."""

from __future__ import annotations

import keras
from keras import ops

from keras_mobilevit.layers.convolution import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultiBoxLoss(keras.losses.Loss):
    """Cross-entropy of the classes and smooth L1 of the offsets.

    Offsets count at anchors that have a box, classes there and at the hardest
    of the others. The sum over a batch is divided by the number of its
    anchors that have a box; without any, the loss is 0. Source: Section 2.2
    of arXiv 1512.02325. A label that is no class is a mistake in the data, and
    makes the loss NaN on every backend.

    Args:
        negatives: Background anchors for each that has a box, at most.
        reduction: As in `keras.losses.Loss`. Of the default, `"sum"`, comes
            the loss of the batch as described; without reduction, the
            addends of the images.
        name: Name of the loss.
        dtype: As in `keras.losses.Loss`.

    Call arguments:
        y_true: `(batch, anchors, 5)`, as `make_targets` gives them.
        y_pred: `(batch, anchors, 4 + classes)`, as the models give them:
            offsets, then logits with the background first.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> anchors = detection.make_anchors((96, 96))
        >>> boxes = np.array([[0.2, 0.2, 0.7, 0.8]])
        >>> targets = detection.make_targets(boxes, np.array([1]), anchors)
        >>> predictions = np.zeros((1, len(anchors), 4 + 3))
        >>> loss = detection.MultiBoxLoss()(targets[None], predictions)
        >>> bool(loss > 0)
        True
    """

    def __init__(
        self,
        negatives: int = 3,
        reduction="sum",
        name="multi_box_loss",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.negatives = negatives

    def call(self, y_true, y_pred):
        labels = ops.cast(y_true[..., 4], "int32")
        known = ops.logical_and(labels >= 0, labels < y_pred.shape[-1] - 4)
        labels = ops.where(known, labels, 0)
        positive = labels > 0
        log_probabilities = ops.log_softmax(y_pred[..., 4:], axis=-1)

        cross_entropy = -ops.squeeze(
            ops.take_along_axis(log_probabilities, labels[..., None], axis=-1),
            axis=-1,
        )
        hard = hard_negatives(
            -log_probabilities[..., 0], positive, self.negatives
        )
        class_loss = _sum_where(ops.logical_or(positive, hard), cross_entropy)

        distance = ops.abs(y_true[..., :4] - y_pred[..., :4])
        smooth = ops.where(distance < 1, distance**2 / 2, distance - 0.5)
        box_loss = _sum_where(positive, ops.sum(smooth, axis=-1))

        count = ops.sum(ops.cast(positive, class_loss.dtype))
        count = ops.maximum(count, 1)
        count = ops.where(ops.all(known), count, float("nan"))
        return (class_loss + box_loss) / count

    def get_config(self):
        return {**super().get_config(), "negatives": self.negatives}


def hard_negatives(background_loss, positive, negatives: int = 3):
    """Picks the background anchors that look least like background.

    Args:
        background_loss: Tensor `(batch, anchors)`: minus the logarithm of the
            background's probability.
        positive: Boolean tensor `(batch, anchors)`: which have a box.
        negatives: How many to pick for each anchor that has a box, at most.

    Returns:
        Boolean tensor `(batch, anchors)`. Of anchors with the same loss, the
        first are picked.
    """
    # Anchors that have a box come last in the order.
    order = ops.argsort(
        ops.where(positive, float("inf"), -ops.stop_gradient(background_loss)),
        axis=-1,
    )
    rank = ops.argsort(order, axis=-1)
    count = ops.sum(ops.cast(positive, rank.dtype), axis=-1, keepdims=True)
    return ops.logical_and(rank < negatives * count, ops.logical_not(positive))


def _sum_where(mask, values):
    return ops.sum(ops.where(mask, values, 0.0), axis=-1)
