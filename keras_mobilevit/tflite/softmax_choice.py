"""Whether a model bears softmax in int8: tried before each export."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.integer_softmax import has_long_rows
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import Recipe
from keras_mobilevit.tflite.scoring import sqnr_scorer

# Within the luck of a hundred images. Of twenty, it was half a dB more.
_MOST_LOST = 0.5


def choose_softmax(
    float_model: bytes,
    recipe: Recipe,
    calibration: Calibration,
    images: Sequence[np.ndarray],
    compat: str | None = None,
) -> Recipe:
    """Keeps `Recipe.integer_softmax` only where it costs no accuracy.

    Args:
        float_model: File from `keras_mobilevit.tflite.convert`.
        recipe: As the user chose it.
        calibration: From `keras_mobilevit.tflite.quantization.calibration`.
        images: Those that calibrated: `(height, width, channels)`, pixels in
            [0, 255].
        compat: As in `export_tflite`. Older runtimes have no fast kernels for
            it.

    Returns:
        The recipe; without `integer_softmax` if the outputs would lose more
        than half a dB, or if attention stays float.
    """
    if not (recipe.integer_softmax and has_long_rows(float_model)):
        return recipe
    plain = dataclasses.replace(recipe, integer_softmax=False)
    if compat or "BATCH_MATMUL" in recipe.float_ops:
        return plain
    score = sqnr_scorer(float_model, images)
    without, with_it = (
        score(quantize(float_model, r, calibration)) for r in (plain, recipe)
    )
    return recipe if with_it >= without - _MOST_LOST else plain
