"""Keras metrics of segmentation: mean IoU and pixel accuracy."""

from __future__ import annotations

import keras
from keras import ops

from keras_mobilevit.configs import IGNORE_LABEL
from keras_mobilevit.layers.convolution import PACKAGE
from keras_mobilevit.segmentation.label_maps import fit_logits, is_class

# Pixels are counted in two int32, of which the upper counts so many: exactly,
# where float32 stops at 2**24 pixels, and JAX has no int64.
_CARRY = 2**20


class _ConfusionMetric(keras.metrics.Metric):
    """Accumulates a confusion matrix over images of any size."""

    def __init__(
        self,
        classes: int,
        ignore_label: int = IGNORE_LABEL,
        name: str | None = None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        self.ignore_label = ignore_label
        # Rows are labels and columns predictions. The last row takes the
        # labels that no class has.
        self.low, self.high = (
            self.add_variable(
                (classes + 1, classes), "zeros", dtype="int32", name=name
            )
            for name in ("low", "high")
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch.

        Args:
            y_true: Labels `(batch, height, width)`, integers.
            y_pred: Logits `(batch, map_height, map_width, classes)`,
                interpolated bilinearly to the size of the labels.
            sample_weight: Must be `None`.

        Raises:
            ValueError: If the ranks are others, the logits are for another
                number of classes, or there is a `sample_weight`.
        """
        if sample_weight is not None:
            raise ValueError(f"{self.name} does not take a `sample_weight`.")
        y_true = ops.cast(ops.convert_to_tensor(y_true), "int32")
        logits = fit_logits(ops.convert_to_tensor(y_pred), y_true)
        if logits.shape[-1] != self.classes:
            raise ValueError(
                f"{self.name} is for {self.classes} classes. Received logits "
                f"of shape {tuple(logits.shape)}"
            )
        columns = ops.cast(ops.argmax(logits, axis=-1), "int32")
        rows = ops.where(is_class(y_true, self.classes), y_true, self.classes)
        # Ignored pixels fall into a row of their own, which is cut off.
        ignored = ops.equal(y_true, self.ignore_label)
        rows = ops.where(ignored, self.classes + 1, rows)
        cells = ops.reshape(rows * self.classes + columns, (-1,))
        counts = ops.segment_sum(
            ops.ones_like(cells),
            cells,
            num_segments=(self.classes + 2) * self.classes,
        )
        counts = ops.reshape(counts, (-1, self.classes))[:-1]
        low = self.low + counts
        self.high.assign(self.high + low // _CARRY)
        self.low.assign(low % _CARRY)

    def matrix(self):
        """Pixels by label (rows) and prediction (columns), as floats.

        Everything is NaN if there were labels of no class.
        """
        counts = ops.cast(self.high, "float32") * _CARRY
        counts = counts + ops.cast(self.low, "float32")
        mistaken = ops.sum(counts[-1]) > 0
        return ops.where(mistaken, float("nan"), counts[:-1])

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "ignore_label": self.ignore_label,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class MeanIoU(_ConfusionMetric):
    """Mean over classes of intersection over union, over all pixels so far.

    Classes that occur neither in the labels nor in the predictions do not
    count. A label that is neither a class nor `ignore_label` is a mistake in
    the data, and makes the result NaN. `keras.metrics.MeanIoU` counts in
    float32, which stops at 16.7 million pixels: 64 images of 512x512.

    Args:
        classes: Number of classes.
        ignore_label: Label of the pixels that do not count.
        name: Name of the metric.
        dtype: Unused, for `from_config`.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> labels = np.array([[[0, 0], [1, 255]]])
        >>> logits = keras.utils.to_categorical([[[0, 1], [1, 1]]], 2)
        >>> metric = segmentation.MeanIoU(classes=2)
        >>> metric.update_state(labels, logits)
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self, classes, ignore_label=IGNORE_LABEL, name="mean_iou", dtype=None
    ):
        super().__init__(classes, ignore_label, name, dtype)

    def result(self):
        matrix = self.matrix()
        hits = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits
        present = ops.cast(union != 0, "float32")
        scores = ops.divide_no_nan(hits, union)
        return ops.divide_no_nan(ops.sum(scores), ops.sum(present))


@keras.saving.register_keras_serializable(package=PACKAGE)
class PixelAccuracy(_ConfusionMetric):
    """Share of the labelled pixels whose class is right, over all so far.

    A label that is neither a class nor `ignore_label` is a mistake in the
    data, and makes the result NaN.

    Args:
        classes: Number of classes.
        ignore_label: Label of the pixels that do not count.
        name: Name of the metric.
        dtype: Unused, for `from_config`.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> labels = np.array([[[0, 0], [1, 255]]])
        >>> logits = keras.utils.to_categorical([[[0, 1], [1, 1]]], 2)
        >>> metric = segmentation.PixelAccuracy(classes=2)
        >>> metric.update_state(labels, logits)
        >>> round(float(metric.result()), 3)
        0.667
    """

    def __init__(
        self,
        classes,
        ignore_label=IGNORE_LABEL,
        name="pixel_accuracy",
        dtype=None,
    ):
        super().__init__(classes, ignore_label, name, dtype)

    def result(self):
        matrix = self.matrix()
        hits = ops.sum(ops.diagonal(matrix))
        return ops.divide_no_nan(hits, ops.sum(matrix))
