"""What the arguments of several commands have in common."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable


def add_ema(parser: argparse._ActionsContainer) -> None:
    """Adds the choice between weights and their moving average."""
    parser.add_argument(
        "--ema",
        action=argparse.BooleanOptionalAction,
        help="of a checkpoint that holds weights and their exponential moving "
        "average, take the average, or with --no-ema the weights themselves "
        "(default: the average, with a warning)",
    )


def name_in(module: str, table: str) -> Callable[[str], str]:
    """Type of an argument that is one of the names in a table.

    As `choices`, but the module is imported only where the argument is given.

    Args:
        module: Dotted name of the module that holds the table.
        table: Name of the table there.
    """

    def check(text: str) -> str:
        names = list(getattr(importlib.import_module(module), table))
        if text not in names:
            raise argparse.ArgumentTypeError(
                f"invalid choice: {text!r} (choose from {', '.join(names)})"
            )
        return text

    return check


def add_scaling(parser: argparse._ActionsContainer) -> None:
    """Adds `--scaling`, for models that do not tell theirs."""
    parser.add_argument(
        "--scaling",
        metavar="NAME|MEAN/STD",
        help="how a model expects its pixels, where its first layers do not "
        "tell it: pixels for [0, 255], unit for [0, 1], signed for [-1, 1], "
        "imagenet for ImageNet's mean and standard deviation, or others of "
        "pixels in [0, 1], as 0.5,0.5,0.5/0.25,0.25,0.25",
    )


def add_problem_type(parser: argparse._ActionsContainer) -> None:
    """Adds `--problem-type`, for classifiers that do not tell theirs."""
    parser.add_argument(
        "--problem-type",
        choices=("single_label", "binary", "multi_label", "regression"),
        help="what the output of a classifier answers: one of several "
        "classes; one of two, by one score; several labels, each by itself; or "
        "values (default: as the model says, or by its last activation: one "
        "score is binary, several sigmoids are several labels)",
    )
