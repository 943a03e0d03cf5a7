"""Names of older releases: they still work, and warn.

What moved in 0.2 goes in 0.3. A table says where each name is now; CHANGELOG.md
has the same as a migration table.
"""

from __future__ import annotations

import importlib
import operator
import warnings
from collections.abc import Mapping
from typing import Any


def warn_moved(old: str, new: str, stacklevel: int = 2) -> None:
    """Warns that a name moved.

    Args:
        old: The name that was used.
        new: What to use in its place.
        stacklevel: As in `warnings.warn`, for the caller of this function.

    Warns:
        DeprecationWarning: Always.
    """
    warnings.warn(
        f"{old} is deprecated and will be removed in 0.3. Use {new}.",
        DeprecationWarning,
        stacklevel=stacklevel + 1,
    )


def moved_name(module: str, name: str, moved: Mapping[str, str]) -> Any:
    """What `__getattr__` of a module returns that had other names (PEP 562).

    Args:
        module: `__name__` of the module.
        name: The name asked for.
        moved: Old name -> the new one with its module, such as
            `"keras_mobilevit.model_info.ModelInfo"`, which is imported now.

    Raises:
        AttributeError: If there never was such a name.
    """
    if name not in moved:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    new = moved[name]
    warn_moved(f"{module}.{name}", new, stacklevel=3)
    home, _, attribute = new.rpartition(".")
    return getattr(importlib.import_module(home), attribute)


def moved_attribute(owner: object, name: str, moved: Mapping[str, str]) -> Any:
    """What `__getattr__` of a class returns that had other attributes.

    Args:
        owner: The object that lacks the attribute.
        name: The attribute asked for.
        moved: Old name -> the new one, as a path of attributes from the same
            object, such as `"image.crop_pct"`.

    Raises:
        AttributeError: If it never had that attribute.
    """
    kind = type(owner).__name__
    if name not in moved:
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")
    new = moved[name]
    warn_moved(f"{kind}.{name}", f"{kind}.{new}", stacklevel=3)
    return operator.attrgetter(new)(owner)
