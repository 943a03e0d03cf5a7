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
