"""Figures of models that give values."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from keras_mobilevit.tflite import metrics


@dataclasses.dataclass(frozen=True)
class RegressionEvaluation:
    """How one model did. Those figures need targets that may be `None`.

    Attributes:
        images: Number of pictures.
        skipped: Names of the pictures that could not be read.
        deviation: Root of the mean square of the differences to the values of
            the first model.
        sqnr: Signal to quantization noise of the values against the first
            model, each output less its mean, in dB; infinite where they are
            equal.
        median_sqnr: Median of the SQNRs of the single pictures, in dB.
        rmse: Root of the mean square error.
        difference: `rmse` less that of the first model.
        r2: Share of the variance of the targets that is explained, R²; of
            several outputs the mean. `None` also if the targets do not vary.

    Example:
        >>> from keras_mobilevit.tflite import RegressionEvaluation
        >>> RegressionEvaluation(
        ...     24, (), deviation=0.1, sqnr=24.1, median_sqnr=25.0
        ... ).rmse is None
        True
    """

    images: int
    skipped: tuple[str, ...]
    deviation: float
    sqnr: float
    median_sqnr: float
    rmse: float | None = None
    difference: float | None = None
    r2: float | None = None


def measure_values(
    reference: np.ndarray,
    output: np.ndarray,
    truth: np.ndarray | None,
    skipped: tuple[str, ...],
) -> RegressionEvaluation:
    """Compares the values of two models.

    Args:
        reference: Of the first model, `(images, outputs)`.
        output: Of the one to measure.
        truth: The right ones, if known.
        skipped: Names of pictures that could not be read.
    """
    figures = {}
    if truth is not None:
        before, after = (
            metrics.root_mean_square_error(values, truth)
            for values in (reference, output)
        )
        r2 = metrics.r_squared(output, truth)
        figures = dict(
            rmse=after,
            difference=after - before,
            r2=None if math.isnan(r2) else r2,
        )
    how = dict(problem_type="regression")
    return RegressionEvaluation(
        images=len(output),
        skipped=skipped,
        deviation=metrics.root_mean_square_error(output, reference),
        sqnr=metrics.sqnr(reference, output, **how),
        median_sqnr=metrics.median_sqnr(reference, output, **how),
        **figures,
    )
