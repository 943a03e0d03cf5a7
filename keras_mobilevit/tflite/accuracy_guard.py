"""The accuracy guard: drops fields of a recipe that cost a model accuracy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mobilevit.progress import stage
from keras_mobilevit.tflite.flatbuffer import ParsedFile, write_model
from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.quantize import quantize_parsed
from keras_mobilevit.tflite.quantization.recipes import Recipe
from keras_mobilevit.tflite.scoring import sqnr_scorer

# Fields of a recipe that make a file faster, or its results equal on every
# processor, and cost most models no accuracy.
GUARDED_FIELDS = ("integer_softmax", "bit_exact_norms")
# In dB. Two draws of twenty images differed by as much as 1.2 dB in what a
# field costs. The fields are there to be kept: without them, the file is slower
# or differs from processor to processor.
_MOST_LOST = 1.5
# SQNR in dB at which no field is dropped: more accuracy would change few
# answers, and cost speed or equal results on every processor.
_ENOUGH = 25.0


@dataclasses.dataclass(frozen=True, eq=False)
class GuardedModel:
    """What `guard_accuracy` chose.

    Attributes:
        recipe: The recipe.
        model: What `quantize_parsed` makes of it, to be edited further.
    """

    recipe: Recipe
    model: Any


@stage("guarding the accuracy")
def guard_accuracy(
    source: ParsedFile,
    recipe: Recipe,
    calibration: Calibration,
    images: Sequence[np.ndarray],
    compat: str | None = None,
    problem_type: str | None = None,
) -> GuardedModel:
    """Keeps the fields in `GUARDED_FIELDS` only where they cost no accuracy.

    Args:
        source: Float file; it stays as it is.
        recipe: As the user chose it.
        calibration: From `keras_mobilevit.tflite.quantization.calibration`.
        images: Those that calibrated: `(height, width, channels)`, pixels in
            [0, 255].
        compat: As in `export_tflite`.
        problem_type: As in `keras_mobilevit.tflite.scoring.sqnr_scorer`.

    Returns:
        The recipe, and the model that was made by it. As long as the outputs
        have less than 25 dB of SQNR, and gain more than 1.5 dB without one
        of the fields, that whose loss is largest is dropped.
    """
    if compat:
        recipe = _without(recipe, GUARDED_FIELDS)
    if "BATCH_MATMUL" in recipe.skip_ops:
        recipe = _without(recipe, ("integer_softmax",))

    def attempt(recipe):
        return GuardedModel(
            recipe, quantize_parsed(source, recipe, calibration)
        )

    best = attempt(recipe)
    wanted = [field for field in GUARDED_FIELDS if getattr(recipe, field)]
    if not wanted:
        return best
    scorer = sqnr_scorer(source.data, images, problem_type)

    def score(attempted):
        return scorer(write_model(attempted.model))

    best_score = score(best)
    while wanted and best_score < _ENOUGH:
        others = {
            field: attempt(_without(best.recipe, [field])) for field in wanted
        }
        scores = {field: score(other) for field, other in others.items()}
        worst = max(wanted, key=scores.get)
        if scores[worst] <= best_score + _MOST_LOST:
            break
        wanted.remove(worst)
        best, best_score = others[worst], scores[worst]
    return best


def _without(recipe, fields):
    return dataclasses.replace(recipe, **dict.fromkeys(fields, False))
