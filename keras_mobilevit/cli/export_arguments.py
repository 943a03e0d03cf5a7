"""Arguments of the commands that write `.tflite` files."""

from __future__ import annotations

import argparse

from keras_mobilevit.architectures import variants
from keras_mobilevit.cli.arguments import (
    add_ema,
    add_problem_type,
    add_scaling,
    name_in,
)
from keras_mobilevit.configs import TASKS
from keras_mobilevit.tflite.quantization.recipes import RECIPES

TYPES = ("float32", "int8", "uint8")


def parse_size(text: str) -> tuple[int, int]:
    """`"256"` or `"192x320"` to `(height, width)`."""
    try:
        sides = [int(side) for side in text.lower().split("x")]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(
            f"expected SIDE or HEIGHTxWIDTH, such as 256 or 192x320: {text!r}"
        )
    return sides[0], sides[-1]


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds all arguments that `export` and `search` have in common."""
    _add_model(parser)
    _add_recipe(parser)
    _add_output_head(parser)
    _add_calibration(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FILE.tflite")


def _add_model(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument_group("model")
    source = model.add_mutually_exclusive_group()
    source.add_argument(
        "--model",
        choices=variants(),
        help="variant (default: that of the file of --weights)",
    )
    source.add_argument(
        "--keras",
        metavar="FILE.keras",
        help="a saved model, instead of --model",
    )
    model.add_argument(
        "--weights",
        metavar="none|NAME|PATH",
        help="weights: cifar10, imagenet, pascal_voc, coco or a file (default: "
        "those published for the task, downloaded); a file that "
        "keras-mobilevit train wrote brings its labels and preprocessing",
    )
    add_ema(model)
    model.add_argument(
        "--task",
        choices=TASKS,
        help="what the network is for (default: that of --weights, or what "
        "the outputs of --keras look like)",
    )
    model.add_argument(
        "--classes", type=int, help="outputs (default: those of the weights)"
    )
    model.add_argument(
        "--size",
        type=parse_size,
        metavar="SIDE|HxW",
        help="input in pixels (default: that of the weights or of --keras)",
    )
    model.add_argument(
        "--labels",
        metavar="FILE",
        help="class names, one a line; of a detector, the background first; "
        "of a single score both, the class that it is the score of second",
    )
    model.add_argument(
        "--crop-pct",
        type=float,
        metavar="SHARE",
        help="of the resized picture that is kept (default: that of the "
        "weights or of --keras, else 1)",
    )
    model.add_argument(
        "--pre-resize",
        type=int,
        metavar="PIXELS",
        help="short side that pictures are first reduced to, 0 for none "
        "(default: that of the weights or of --keras, else 0)",
    )
    add_scaling(model)
    add_problem_type(model)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument(
        "--recipe",
        metavar="NAME|FILE.json",
        help=f"one of {', '.join(RECIPES)}, or a recipe as JSON "
        "(default: int8)",
    )
    recipe.add_argument(
        "--compat",
        type=name_in(
            "keras_mobilevit.tflite.compatibility.compatible", "COMPATIBLE"
        ),
        metavar="VERSION",
        help="older TensorFlow Lite that computes the file rightly too: 2.14",
    )
    recipe.add_argument(
        "--input-type", choices=TYPES, help="instead of the recipe's"
    )
    recipe.add_argument(
        "--output-type", choices=TYPES, help="instead of the recipe's"
    )
    recipe.add_argument(
        "--save-recipe",
        metavar="FILE.json",
        help="write the recipe that was used, found by a search or not",
    )


def _add_output_head(parser: argparse.ArgumentParser) -> None:
    output_head = parser.add_argument_group(
        "output head, for detection and segmentation"
    )
    output_head.add_argument(
        "--output-head",
        type=name_in(
            "keras_mobilevit.tflite.output_heads.registry", "OUTPUT_HEADS"
        ),
        metavar="NAME",
        help="raw: what the detector predicts for each anchor (default); nms: "
        "boxes; logits: at the output stride (default); upsampled: logits at "
        "the size of the input; mask: class ids",
    )
    output_head.add_argument(
        "--score-threshold",
        type=float,
        metavar="P",
        help="least score of a box, for nms (default: 0.05)",
    )
    output_head.add_argument(
        "--iou-threshold",
        type=float,
        metavar="IOU",
        help="overlap that takes a box away, for nms (default: 0.5)",
    )
    output_head.add_argument(
        "--max-boxes",
        type=int,
        metavar="N",
        help="room in the outputs, for nms (default: 200)",
    )


def _add_calibration(parser: argparse.ArgumentParser) -> None:
    calibration = parser.add_argument_group(
        "calibration: needed by int8 recipes, optional for weight_only and "
        "dynamic"
    )
    calibration.add_argument(
        "--calibration",
        metavar="DIR|TAR",
        help="pictures that set the ranges of int8 and by which the weights of "
        "weight_only and dynamic are rounded; labels do not matter",
    )
    calibration.add_argument(
        "--calibration-images",
        type=int,
        default=100,
        metavar="N",
        help="draw N of them (default: 100)",
    )
    calibration.add_argument(
        "--seed", type=int, default=0, help="that draws them (default: 0)"
    )
    fidelity = parser.add_argument_group("fidelity of int8")
    fidelity.add_argument(
        "--min-sqnr",
        type=float,
        default=15.0,
        metavar="DB",
        help="least signal to quantization noise of the outputs against "
        "float32, on reserved pictures of --calibration; 0 for any (default: "
        "15)",
    )
    fidelity.add_argument(
        "--no-escalation",
        action="store_true",
        help="warn only where they have less, instead of moving layers to "
        "float until they have as much (weight_only and dynamic only warn)",
    )


def add_target(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Adds what a search aims at."""
    search = parser.add_argument_group(
        "search: move layers to float, beginning from the recipe, until"
    ).add_mutually_exclusive_group(required=required)
    search.add_argument(
        "--target-sqnr",
        type=float,
        metavar="DB",
        help="the outputs are as near to float32 as this, on other pictures "
        "of --calibration",
    )
    search.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="top-1 on --data is at most so far below that of float32",
    )
    parser.add_argument(
        "--data",
        metavar="DIR|TAR",
        help="labelled pictures for --max-drop, <class>/<picture>",
    )
