"""From a float graph to one that is ready for int8, with its statistics."""

from __future__ import annotations

import dataclasses

import numpy as np

from keras_mobilevit.tflite.flatbuffer import ParsedFile
from keras_mobilevit.tflite.quantization.calibration import (
    Calibration,
    calibrate_model,
)
from keras_mobilevit.tflite.quantization.channel_plan import (
    Balanced,
    Move,
    balance_channels,
)
from keras_mobilevit.tflite.quantization.float_classifier import (
    with_float_classifier,
)
from keras_mobilevit.tflite.quantization.recipes import Recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """A float graph, and what calibration images tell of it.

    Attributes:
        file: The float file that is quantized. Its outputs are those of the
            file that it was made from, up to float32 rounding.
        calibration: Of that file.
        moves: How channels were balanced.
        source: The file that it was made from.
    """

    file: ParsedFile
    calibration: Calibration
    moves: tuple[Move, ...]
    source: ParsedFile


def needs_of(recipe: Recipe) -> tuple:
    """What of a recipe `prepare` depends on."""
    if not recipe.balance_channels:
        return (recipe.calibration_percentile,)
    return (
        recipe.calibration_percentile,
        recipe.skip_layers,
        recipe.sequential_bias,
    )


def prepare(source: ParsedFile, recipe: Recipe, images: np.ndarray) -> Prepared:
    """Balances the channels of a float graph, and calibrates it.

    Args:
        source: Float file; it stays as it is.
        recipe: With int8 activations.
        images: `(count, height, width, channels)`, pixels in [0, 255].
    """
    balanced = Balanced(source)
    if recipe.balance_channels:
        balanced = balance_channels(
            source,
            images,
            with_float_classifier(recipe, source.model).stays_float,
            ignore_offset=recipe.sequential_bias,
        )
    calibration = calibrate_model(
        balanced.file.model, images, recipe.calibration_percentile
    )
    for name, (lowest, highest) in balanced.limits.items():
        low, high = calibration.ranges[name]
        calibration.ranges[name] = max(low, lowest), min(high, highest)
    return Prepared(balanced.file, calibration, balanced.moves, source)
