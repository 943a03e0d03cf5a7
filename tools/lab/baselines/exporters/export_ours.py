"""Exports MobileViT of this package, with random weights.

Usage: export_ours.py VARIANT SIZE FOLDER
Writes FOLDER/float32.tflite and FOLDER/int8.tflite.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from lively_weights import CALIBRATION_IMAGES, keras_lively, make_images

from keras_mobilevit.architectures import constructors
from keras_mobilevit.tflite import export_recipes


def main(variant: str, size: int, folder: pathlib.Path) -> None:
    state = np.random.RandomState(0)
    make = constructors("classification")[variant]
    model = make(weights=None, input_shape=(size, size, 3))
    keras_lively(model, state)
    export_recipes(
        model,
        {folder / f"{name}.tflite": name for name in ("float32", "int8")},
        calibration=make_images(CALIBRATION_IMAGES, size, state),
        # Random weights have no answers to keep: the file is timed as it is.
        min_sqnr=0,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]))
