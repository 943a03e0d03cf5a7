"""How a command ends that can not do what it was asked for."""

from __future__ import annotations

import sys


class UsageError(Exception):
    """Arguments that do not go together; ends a command as argparse does."""


def print_error(error: Exception) -> None:
    """Prints an error in one line."""
    print("error:", " ".join(str(error).split()), file=sys.stderr)
