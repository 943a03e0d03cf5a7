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
import pathlib
import sys

import keras

from keras_mobilevit.configs import VARIANTS
from keras_mobilevit.images import iterate_files, load_image
from keras_mobilevit.named_models import open_model
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
    if args.keras:
        model = keras.saving.load_model(args.keras, compile=False)
        labels, crop_fraction, native_size = (), 1.0, 0
    else:
        model, labels, crop_fraction, native_size = open_model(
            args.model,
            None if args.weights == "none" else args.weights,
            classes=args.classes,
            size=args.size,
        )
    if args.labels:
        labels = pathlib.Path(args.labels).read_text().splitlines()

    size = args.size or model.input_shape[1:3]
    calibration = None
    if args.calibration:
        calibration = (
            load_image(file.data, size, crop_fraction, native_size)
            for file in iterate_files(args.calibration, args.calibration_images)
        )
    return export_tflite(
        model,
        args.output,
        args.recipe,
        size=size,
        calibration=calibration,
        labels=labels,
        crop_fraction=crop_fraction,
        native_size=native_size,
    )


if __name__ == "__main__":
    sys.exit(main())
