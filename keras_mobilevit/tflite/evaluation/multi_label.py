"""Figures of models that answer each of several labels by itself."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from keras_mobilevit.class_scores import label_logits, label_probabilities
from keras_mobilevit.problem_types import ScoreFormat
from keras_mobilevit.tflite import metrics


@dataclasses.dataclass(frozen=True)
class MultiLabelEvaluation:
    """How one model did. Those figures need targets that may be `None`.

    Attributes:
        images: Number of pictures.
        skipped: Names of the pictures that could not be read.
        agreement: Share of all pairs of a picture and a label on which the
            model and the first one say the same: more probable than not, or
            not.
        sqnr: Signal to quantization noise of the logits against the first
            model, each label less its mean, in dB; infinite where they are
            equal.
        median_sqnr: Median of the SQNRs of the single pictures, in dB.
        mean_average_precision: Mean over the labels of the average precision,
            without interpolation, of those that are on any picture (mAP).
        difference: `mean_average_precision` less that of the first model.
        label_accuracy: Share of all pairs of a picture and a label that are
            right at 0.5: 1 less the Hamming loss.

    Example:
        >>> from keras_mobilevit.tflite import MultiLabelEvaluation
        >>> MultiLabelEvaluation(
        ...     24, (), agreement=0.99, sqnr=24.1, median_sqnr=25.0
        ... ).mean_average_precision is None
        True
    """

    images: int
    skipped: tuple[str, ...]
    agreement: float
    sqnr: float
    median_sqnr: float
    mean_average_precision: float | None = None
    difference: float | None = None
    label_accuracy: float | None = None


def measure_labels(
    reference: tuple[np.ndarray, ScoreFormat],
    output: tuple[np.ndarray, ScoreFormat],
    truth: np.ndarray | None,
    skipped: tuple[str, ...],
) -> MultiLabelEvaluation:
    """Compares two models, each `(outputs, how to read them)`.

    Args:
        reference: The first model.
        output: The one to measure.
        truth: `(images, labels)`, more than 0 where a label is there.
        skipped: Names of pictures that could not be read.
    """
    # Logits have no steps that matter.
    expected, found = (
        _logits(outputs, scores) for outputs, scores in (reference, output)
    )
    how = dict(kind="logits", problem_type="multi_label")
    figures = {}
    if truth is not None:
        truth = truth > 0
        probabilities = [
            label_probabilities(outputs, scores.kind)
            for outputs, scores in (reference, output)
        ]
        before, after = (
            metrics.mean_average_precision(p, truth) for p in probabilities
        )
        figures = dict(
            mean_average_precision=None if math.isnan(after) else after,
            difference=None if math.isnan(after) else after - before,
            label_accuracy=float(np.mean((probabilities[1] > 0.5) == truth)),
        )
    return MultiLabelEvaluation(
        images=len(found),
        skipped=skipped,
        agreement=float(np.mean((expected > 0) == (found > 0))),
        sqnr=metrics.sqnr(expected, found, **how),
        median_sqnr=metrics.median_sqnr(expected, found, **how),
        **figures,
    )


def _logits(outputs, scores):
    return label_logits(outputs, scores.kind, scores.step)
