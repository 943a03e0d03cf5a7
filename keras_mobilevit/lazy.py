"""Names that are imported when they are first asked for.

So `import keras_mobilevit`, and the `--help` of its commands, load neither
Keras nor NumPy (PEP 562).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from keras_mobilevit.deprecation import moved_name


def resolve(reference: str) -> Any:
    """Imports what is named by `"module:name"`, with dots inside the name."""
    module, _, names = reference.partition(":")
    value = importlib.import_module(module)
    for name in names.split("."):
        value = getattr(value, name)
    return value


def lazy_names(
    package: str,
    names: Mapping[str, tuple[str, ...]],
    moved: Mapping[str, str] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes the `__getattr__` and `__dir__` of a package.

    No function or class may have the name of its submodule: importing that
    would put the module in its place.

    Args:
        package: `__name__` of the package.
        names: Name of a submodule -> public names that it defines; its own
            name stands for the submodule itself.
        moved: Names of older releases, as in
            `keras_mobilevit.deprecation.moved_name`; `dir` leaves them out.

    Returns:
        `(__getattr__, __dir__)`.
    """
    origins = {
        name: module for module, defined in names.items() for name in defined
    }

    def get_attribute(name: str) -> Any:
        if name not in origins:
            return moved_name(package, name, moved or {})
        value = importlib.import_module(f"{package}.{origins[name]}")
        if name != origins[name]:
            value = getattr(value, name)
        # From now on Python finds it without asking here.
        setattr(sys.modules[package], name, value)
        return value

    def list_attributes() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origins})

    return get_attribute, list_attributes
