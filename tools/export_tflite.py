#!/usr/bin/env python3
"""Exports a MobileViT as a .tflite file for phones.

Examples:
    python tools/export_tflite.py --model mobilevit_xxs --weights cifar10 \
        --recipe int8 --calibration DIR -o mobilevit_xxs.tflite
    python tools/export_tflite.py --keras finetuned.keras --recipe float16 \
        -o finetuned.tflite
"""

from __future__ import annotations

import argparse
import itertools
import pathlib
import sys

import keras

from keras_mobilevit import checkpoints
from keras_mobilevit.configs import VARIANTS, WEIGHTS
from keras_mobilevit.images import count_files, iterate_files, load_image
from keras_mobilevit.labels import class_names
from keras_mobilevit.mobilevit import CONSTRUCTORS
from keras_mobilevit.tflite import RECIPES, export_tflite


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


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", choices=VARIANTS)
    source.add_argument(
        "--keras",
        metavar="FILE.keras",
        help="a saved model, instead of --model",
    )
    parser.add_argument(
        "--weights",
        default="imagenet",
        metavar="none|cifar10|imagenet|PATH",
        help="weights for --model (default: imagenet, downloaded)",
    )
    parser.add_argument(
        "--classes", type=int, help="outputs (default: those of the weights)"
    )
    parser.add_argument(
        "--size",
        type=parse_size,
        metavar="SIDE|HxW",
        help="input in pixels (default: that of the weights or of --keras)",
    )
    parser.add_argument("--recipe", choices=RECIPES, default="int8")
    parser.add_argument(
        "--calibration",
        metavar="DIR|TAR",
        help="pictures that set the ranges of int8; labels do not matter",
    )
    parser.add_argument(
        "--calibration-images",
        type=int,
        default=100,
        metavar="N",
        help="use N of them, evenly spread (default: 100)",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="class names, one a line"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE.tflite")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        path = run(args)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {path} ({path.stat().st_size:,} bytes)")
    return 0


def run(args: argparse.Namespace) -> pathlib.Path:
    weights = None if args.weights == "none" else args.weights
    known = WEIGHTS.get(weights, WEIGHTS["imagenet"])
    if args.keras:
        model = keras.saving.load_model(args.keras)
        labels, crop_fraction = (), 1.0
    else:
        size = args.size or (known.size, known.size)
        classes = args.classes or known.classes
        if weights not in (None, *WEIGHTS) and args.classes is None:
            classes = checkpoints.identify(weights).classes or classes
        model = CONSTRUCTORS[args.model](
            weights=weights, input_shape=(*size, 3), classes=classes
        )
        labels = class_names(weights) if weights in WEIGHTS else ()
        crop_fraction = known.crop_fraction
    if args.labels:
        labels = pathlib.Path(args.labels).read_text().splitlines()

    size = args.size or model.input_shape[1:3]
    calibration = None
    if args.calibration and RECIPES[args.recipe]().static_int8:
        total = count_files(args.calibration)
        step = max(total // args.calibration_images, 1)
        files = itertools.islice(
            iterate_files(args.calibration),
            0,
            step * args.calibration_images,
            step,
        )
        calibration = (
            load_image(file.data, size, crop_fraction) for file in files
        )
    return export_tflite(
        model,
        args.output,
        args.recipe,
        size=size,
        calibration=calibration,
        labels=labels,
        crop_fraction=crop_fraction,
    )


if __name__ == "__main__":
    sys.exit(main())
