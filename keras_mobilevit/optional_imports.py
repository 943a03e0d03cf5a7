"""Optional dependencies: imported where they are used, missed in one line."""

from __future__ import annotations

import importlib
from types import ModuleType


def import_optional(module: str, *, extra: str) -> ModuleType:
    """Imports a module that an extra of this package brings.

    Args:
        module: Dotted name of the module.
        extra: Extra that installs it.

    Raises:
        ImportError: If it is not installed; the message names the command.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module.split('.')[0]} is missing or broken ({error}): run "
            f'`pip install "keras-mobilevit[{extra}]"`.'
        ) from error
