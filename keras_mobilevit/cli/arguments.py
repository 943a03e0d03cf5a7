"""What the arguments of several commands have in common."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable


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
