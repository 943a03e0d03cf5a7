"""Label maps beside logits: what loss and metrics have in common."""

from __future__ import annotations

from keras import ops

from keras_mobilevit.layers.resizing import image_size, resize


def fit_logits(logits, labels):
    """Interpolates logits bilinearly to the size of the labels.

    Args:
        logits: `(batch, map_height, map_width, classes)`.
        labels: `(batch, height, width)`.

    Returns:
        Logits `(batch, height, width, classes)`.

    Raises:
        ValueError: If the labels or the logits have another rank.
    """
    if len(labels.shape) != 3 or len(logits.shape) != 4:
        raise ValueError(
            "Expected labels (batch, height, width) and logits (batch, "
            "height, width, classes). Received: labels of shape "
            f"{tuple(labels.shape)}, logits of shape {tuple(logits.shape)}"
        )
    return resize(logits, image_size(labels))


def is_class(labels, classes: int):
    """Tells which labels are those of a class, as booleans."""
    return ops.logical_and(
        ops.greater_equal(labels, 0), ops.less(labels, classes)
    )
