"""The loss of segmentation: cross-entropy over labelled pixels."""

from __future__ import annotations

import keras
from keras import ops

from keras_mobilevit.configs import IGNORE_LABEL
from keras_mobilevit.layers.convolution import PACKAGE
from keras_mobilevit.segmentation.label_maps import fit_logits, is_class


@keras.saving.register_keras_serializable(package=PACKAGE)
class PixelCrossentropy(keras.losses.Loss):
    """Mean cross-entropy over the pixels that have a label.

    The mean is over all such pixels of the batch, not first over those of an
    image; a batch without any has loss 0. Logits of another size than the
    labels are interpolated bilinearly to theirs, as in DeepLabv3. A label that
    is neither a class nor `ignore_label` is a mistake in the data, and makes
    the loss NaN on every backend.

    Args:
        ignore_label: Label of the pixels that do not count.
        **kwargs: Base loss keyword arguments (`name`, `reduction`, `dtype`).

    Call arguments:
        y_true: Labels `(batch, height, width)`, integers.
        y_pred: Logits `(batch, map_height, map_width, classes)`.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> labels = np.array([[[0, 0], [1, 255]]])
        >>> logits = np.zeros((1, 2, 2, 21), np.float32)
        >>> loss = segmentation.PixelCrossentropy()(labels, logits)
        >>> round(float(loss), 3)  # ln(21): all 21 classes are equally likely
        3.045
    """

    def __init__(
        self,
        ignore_label: int = IGNORE_LABEL,
        name: str = "pixel_crossentropy",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.ignore_label = ignore_label

    def call(self, y_true, y_pred):
        logits = fit_logits(y_pred, y_true)
        known = ops.logical_or(
            is_class(y_true, logits.shape[-1]),
            ops.equal(y_true, self.ignore_label),
        )
        logits = ops.where(ops.expand_dims(known, -1), logits, float("nan"))
        labels = ops.where(known, y_true, 0)
        # Marks the ignored pixels for the mean that the base class takes.
        return keras.losses.sparse_categorical_crossentropy(
            labels, logits, from_logits=True, ignore_class=self.ignore_label
        )

    def get_config(self):
        return {**super().get_config(), "ignore_label": self.ignore_label}
