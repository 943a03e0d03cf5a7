"""How a command ends that can not do what it was asked for."""

from __future__ import annotations

import sys

# Modules that are imported as if they were there -> the extra that brings them.
_EXTRAS = {"keras": "tflite", "tensorflow": "tflite", "tqdm": "runtime"}


class UsageError(Exception):
    """Arguments that do not go together; ends a command as argparse does."""


def print_error(error: Exception) -> None:
    """Prints an error in one line; of a missing package, how to install it."""
    text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        command = f'pip install "keras-mobilevit[{_EXTRAS[error.name]}]"'
        text = f"{error.name} is missing ({text}): run `{command}`."
    print("error:", text, file=sys.stderr)
