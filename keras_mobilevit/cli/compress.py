r"""Compresses a MobileViT with tensorflow-model-optimization.

The result is an ordinary weights file, for all other commands. `compress
report` compares weights before and after.

Examples:
    keras-mobilevit compress prune --weights cifar10 --sparsity 0.7 \
        --train cifar10_train.tar --test cifar10_test.tar -o p70.weights.h5
    keras-mobilevit compress cluster --weights p70.weights.h5 --clusters 32 \
        --keep-zeros --train TRAIN --test TEST -o p70c32.weights.h5
    keras-mobilevit compress qat --weights cifar10 --epochs 2 \
        --train TRAIN --test TEST -o qat.weights.h5
"""

from __future__ import annotations

import argparse
import dataclasses

from keras_mobilevit.cli import compress_report
from keras_mobilevit.cli.errors import print_error
from keras_mobilevit.compression.methods import METHODS, FineTuning
from keras_mobilevit.training.recipes import recipe_names

HELP = "prune, cluster or train for int8; report what it buys"
FIELD_HELP = {
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    methods = parser.add_subparsers(
        title="methods", metavar="METHOD", required=True
    )
    for name, kind in METHODS.items():
        command = methods.add_parser(name, help=FIELD_HELP[name])
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
        command.set_defaults(compress=compress, method=kind)
    command = methods.add_parser(
        "report",
        help=compress_report.HELP,
        description=compress_report.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compress_report.add_arguments(command)
    command.set_defaults(compress=compress_report.run)


def add_fields(group: argparse._ArgumentGroup, kind: type) -> None:
    """Adds an option for each field of a dataclass."""
    for field in dataclasses.fields(kind):
        options = {
            "help": f"{FIELD_HELP[field.name]} (default: {field.default!r})"
        }
        if isinstance(field.default, bool):
            options["action"] = "store_true"
        else:
            options["type"] = type(field.default)
            options["default"] = field.default
        group.add_argument(f"--{field.name.replace('_', '-')}", **options)


def read_fields(arguments: argparse.Namespace, kind: type):
    """Makes a dataclass of its options."""
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: getattr(arguments, name) for name in names})


def run(arguments: argparse.Namespace) -> int:
    return arguments.compress(arguments)


def compress(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.compression import compress_weights
    from keras_mobilevit.compression.pipeline import AUGMENTATION
    from keras_mobilevit.training.recipe import load_recipe

    augmentation = AUGMENTATION
    if arguments.augment_as:
        augmentation = load_recipe(arguments.augment_as).augmentation
    try:
        outcome = compress_weights(
            arguments.weights,
            arguments.output,
            read_fields(arguments, arguments.method),
            arguments.train,
            arguments.test,
            variant=arguments.variant,
            fine_tuning=read_fields(arguments, FineTuning),
            augmentation=augmentation,
            train_images=arguments.train_images,
            test_images=arguments.test_images,
        )
    except RuntimeError as error:
        # Of the process in which tensorflow-model-optimization runs.
        print_error(error)
        return 1
    print(
        f"wrote {arguments.output}\n"
        f"top-1 {outcome.accuracy_before:.2%} before, "
        f"{outcome.accuracy_after:.2%} after, of {outcome.test_images:,} "
        f"pictures; {outcome.steps:,} steps in {outcome.seconds:.0f} s, "
        f"{outcome.step_seconds:.3f} s each"
    )
    return 0
