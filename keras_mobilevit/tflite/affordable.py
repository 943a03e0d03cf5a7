"""What of a recipe a model can afford: tried before each export."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import Recipe
from keras_mobilevit.tflite.scoring import sqnr_scorer

# Fields of a recipe that make a file faster or the same on every processor, and
# that most models bear without loss.
AFFORDABLE = ("integer_softmax", "portable_norms")
# Within the luck of a hundred images. Of twenty, it was half a dB more.
_MOST_LOST = 0.5
# SQNR in dB at which no field is dropped: more accuracy would change few
# answers, and cost speed or equal results on every processor.
_ENOUGH = 25.0


def keep_affordable(
    float_model: bytes,
    recipe: Recipe,
    calibration: Calibration,
    images: Sequence[np.ndarray],
    compat: str | None = None,
) -> Recipe:
    """Keeps the fields in `AFFORDABLE` only where they cost no accuracy.

    Args:
        float_model: File from `keras_mobilevit.tflite.convert`.
        recipe: As the user chose it.
        calibration: From `keras_mobilevit.tflite.quantization.calibration`.
        images: Those that calibrated: `(height, width, channels)`, pixels in
            [0, 255].
        compat: As in `export_tflite`.

    Returns:
        The recipe. As long as the outputs have less than 25 dB of SQNR, and
        gain more than half a dB without one of the fields, that whose loss is
        largest is dropped.
    """
    if compat:
        recipe = _without(recipe, AFFORDABLE)
    if "BATCH_MATMUL" in recipe.float_ops:
        recipe = _without(recipe, ("integer_softmax",))
    wanted = [field for field in AFFORDABLE if getattr(recipe, field)]
    if not wanted:
        return recipe
    score = sqnr_scorer(float_model, images)

    def gives(candidate):
        return score(quantize(float_model, candidate, calibration))

    best = gives(recipe)
    while wanted and best < _ENOUGH:
        others = {field: gives(_without(recipe, [field])) for field in wanted}
        worst = max(wanted, key=others.get)
        if others[worst] <= best + _MOST_LOST:
            break
        wanted.remove(worst)
        recipe, best = _without(recipe, [worst]), others[worst]
    return recipe


def _without(recipe, fields):
    return dataclasses.replace(recipe, **dict.fromkeys(fields, False))
