#!/usr/bin/env python3
"""Compresses a MobileViT with tensorflow-model-optimization.

The result is an ordinary weights file, for all other tools.

Examples:
    python tools/compress.py prune --weights cifar10 --sparsity 0.7 \
        --train cifar10_train.tar --test cifar10_test.tar -o p70.weights.h5
    python tools/compress.py cluster --weights p70.weights.h5 --clusters 32 \
        --keep-zeros --train TRAIN --test TEST -o p70c32.weights.h5
    python tools/compress.py qat --weights cifar10 --epochs 2 \
        --train TRAIN --test TEST -o qat.weights.h5
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import warnings

from keras_mobilevit.compression import (
    METHODS,
    FineTuning,
    compress_weights,
)
from keras_mobilevit.compression.compress import AUGMENTATION
from keras_mobilevit.training.recipe import load_recipe, recipe_names

HELP = {
    "prune": "set the smallest weights to zero",
    "cluster": "let each kernel have few different weights",
    "qat": "train with the rounding of int8",
    "sparsity": "share of zeros in each kernel",
    "ramp": "share of the steps over which the zeros become as many",
    "pattern": "two zeros in any four weights for 2:4",
    "block": "zeros in blocks, of dense layers only, such as 4x1",
    "clusters": "different weights in a kernel",
    "initial": "how the first ones are chosen: kmeans++, linear, density or "
    "random",
    "keep_zeros": "zero stays zero, for a model that was pruned before",
    "per_channel": "each output channel of a convolution has its own",
    "skip": "regular expression: layers whose name begins so stay as they are",
    "epochs": "passes over the training images",
    "batch_size": "images a step",
    "learning_rate": "rate of the first step; it falls to zero",
    "seed": "seed of order and augmentation",
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    methods = parser.add_subparsers(dest="method", required=True)
    for name, kind in METHODS.items():
        command = methods.add_parser(name, help=HELP[name])
        add_fields(command.add_argument_group("method"), kind)
        add_fields(command.add_argument_group("fine-tuning"), FineTuning)
        command.add_argument(
            "--augment-as",
            choices=recipe_names(),
            help="take the augmentation of a training recipe",
        )
        model = command.add_argument_group("model")
        model.add_argument(
            "--weights", required=True, metavar="NAME|FILE", help="to compress"
        )
        model.add_argument(
            "--variant",
            help="such as mobilevit_xxs (default: that of the file)",
        )
        pictures = command.add_argument_group(
            "pictures, in one folder a class, as folders or tars"
        )
        for use in ("train", "test"):
            pictures.add_argument(f"--{use}", required=True, metavar="DIR|TAR")
            pictures.add_argument(
                f"--{use}-images", type=int, metavar="N", help="use only N"
            )
        command.add_argument(
            "-o", "--output", required=True, metavar="FILE.weights.h5"
        )
    return parser


def add_fields(group: argparse._ArgumentGroup, kind: type) -> None:
    """Adds an option for each field of a dataclass."""
    for field in dataclasses.fields(kind):
        options = {"help": f"{HELP[field.name]} (default: {field.default!r})"}
        if isinstance(field.default, bool):
            options["action"] = "store_true"
        else:
            options["type"] = type(field.default)
            options["default"] = field.default
        group.add_argument(f"--{field.name.replace('_', '-')}", **options)


def read_fields(args: argparse.Namespace, kind: type):
    """Makes a dataclass of its options."""
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: getattr(args, name) for name in names})


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    augmentation = AUGMENTATION
    try:
        if args.augment_as:
            augmentation = load_recipe(args.augment_as).augmentation
        with warnings.catch_warnings(record=True) as caught:
            outcome = compress_weights(
                args.weights,
                args.output,
                read_fields(args, METHODS[args.method]),
                args.train,
                args.test,
                variant=args.variant,
                fine_tuning=read_fields(args, FineTuning),
                augmentation=augmentation,
                train_images=args.train_images,
                test_images=args.test_images,
            )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    print(
        f"wrote {args.output}\n"
        f"top-1 {outcome.accuracy_before:.2%} before, "
        f"{outcome.accuracy_after:.2%} after, of {outcome.test_images:,} "
        f"pictures; {outcome.steps:,} steps in {outcome.seconds:.0f} s, "
        f"{outcome.step_seconds:.3f} s each"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
