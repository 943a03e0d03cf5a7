"""Scores of masks in NumPy, exact, for images of any size.

The confusion matrices of all images are added up, and the scores taken of the
sum: so large images count more, as in the Pascal VOC evaluation.
"""

from __future__ import annotations

import numpy as np

from keras_mobilevit.configs import IGNORE_LABEL


def confusion_matrix(
    labels: np.ndarray,
    predictions: np.ndarray,
    classes: int,
    ignore_label: int = IGNORE_LABEL,
) -> np.ndarray:
    """Counts the pixels of one image, or of several, by label and prediction.

    Args:
        labels: Class ids, integers of any shape.
        predictions: Class ids of the same shape.
        classes: Number of classes.
        ignore_label: Label of the pixels that do not count.

    Returns:
        int64 `(classes, classes)`; rows are labels, columns predictions.

    Raises:
        ValueError: If the shapes differ, or an id is that of no class.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> labels = np.array([[0, 0], [1, 255]])
        >>> masks = np.array([[0, 1], [1, 1]])
        >>> segmentation.confusion_matrix(labels, masks, classes=2).tolist()
        [[1, 1], [0, 1]]
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape:
        raise ValueError(
            "Labels and predictions must have the same shape: "
            "`decode_predictions` resizes predictions. Received: labels "
            f"{labels.shape}, predictions {predictions.shape}"
        )
    counted = labels != ignore_label
    rows, columns = (
        _checked(ids[counted], classes, what, ignore_label)
        for ids, what in ((labels, "Labels"), (predictions, "Predictions"))
    )
    cells = np.bincount(rows * classes + columns, minlength=classes**2)
    return cells.reshape(classes, classes)


def class_iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union of each class.

    Args:
        matrix: Confusion matrix `(classes, classes)`.

    Returns:
        float64 `(classes,)` in [0, 1], NaN for a class that occurs neither in
        the labels nor in the predictions.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> matrix = np.array([[90, 10], [0, 100]])
        >>> segmentation.class_iou(matrix).round(3).tolist()
        [0.9, 0.909]
    """
    hits = np.diagonal(matrix)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - hits
    scores = np.full(len(matrix), np.nan)
    return np.divide(hits, union, out=scores, where=union > 0)


def mean_iou(matrix: np.ndarray) -> float:
    """Mean of `class_iou` over the classes that occur, in [0, 1].

    Raises:
        ValueError: If no pixel was counted.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> round(segmentation.mean_iou(np.array([[90, 10], [0, 100]])), 3)
        0.905
    """
    _check_counted(matrix)
    return float(np.nanmean(class_iou(matrix)))


def pixel_accuracy(matrix: np.ndarray) -> float:
    """Share of the pixels whose class is right, in [0, 1].

    Raises:
        ValueError: If no pixel was counted.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> segmentation.pixel_accuracy(np.array([[90, 10], [0, 100]]))
        0.95
    """
    _check_counted(matrix)
    return float(np.trace(matrix) / matrix.sum())


def _checked(ids, classes, what, ignore_label):
    if ids.dtype.kind not in "iu":
        raise ValueError(f"{what} must be integers. Received: {ids.dtype}")
    unknown = np.unique(ids[(ids < 0) | (ids >= classes)])
    if unknown.size:
        raise ValueError(
            f"{what} must be class ids below {classes}; pixels labelled "
            f"{ignore_label} do not count. Received: {unknown[:5].tolist()}"
        )
    return ids.astype(np.int64)


def _check_counted(matrix):
    if not np.any(matrix):
        raise ValueError("No pixel was counted: every label was ignored.")
