r"""Finds the layers that must stay float for a wanted accuracy, and exports.

It begins from a recipe with int8 activations, ranks the layers by the noise
that each makes for the time that it saves, and moves them to float until the
target is met. `--save-recipe` keeps the recipe that was found.

Examples:
    keras-mobilevit search --weights cifar10 --model mobilevit_xxs \
        --calibration DIR --target-sqnr 36 -o mobilevit_xxs.tflite
    keras-mobilevit search --weights runs/mine/model.weights.h5 \
        --calibration DIR --max-drop 0.5 --data TEST \
        --save-recipe found.json -o mine.tflite
"""

from __future__ import annotations

import argparse

from keras_mobilevit.cli import export
from keras_mobilevit.cli.export_arguments import (
    add_export_arguments,
    add_target,
)

HELP = "export with as many int8 layers as an accuracy allows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_export_arguments(parser)
    add_target(parser, required=True)
    # Which `export` alone has.
    parser.set_defaults(baseline=False)


def run(arguments: argparse.Namespace) -> int:
    return export.run(arguments)
