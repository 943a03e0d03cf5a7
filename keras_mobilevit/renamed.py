"""Names of release 0.1 that files, commands and calls may still use.

They are read, never written. Names that moved between modules are in the
tables of lazy names of their packages.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

# Fields of quantization recipes, in JSON files and in exported models.
QUANTIZATION_FIELDS = {
    "float_ops": "skip_ops",
    "float_scopes": "skip_layers",
    "coverage": "calibration_percentile",
    "half_arithmetic": "fp16_compute",
    "portable_norms": "bit_exact_norms",
    "single_dense_scale": "per_tensor_dense_weights",
}
# Fields of the section `evaluation` of training recipes, in TOML files and in
# the folders of runs.
EVALUATION_FIELDS = {
    "crop_fraction": "crop_pct",
    "native_size": "pre_resize",
}
# Options of the commands.
OPTIONS = {
    "--ending": "--output-head",
    "--crop-fraction": "--crop-pct",
    "--native-size": "--pre-resize",
}
# Keyword arguments of public functions.
ARGUMENTS = {
    "ending": "output_head",
    "crop_fraction": "crop_pct",
    "native_size": "pre_resize",
    "coverage": "percentile",
}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def current_names(
    fields: Mapping[str, Any], renamed: Mapping[str, str]
) -> dict[str, Any]:
    """Returns fields under their current names, in the same order.

    Args:
        fields: Values by name.
        renamed: Old name -> current name. An old name beside its current one
            stays, so that whoever checks the fields finds it unknown.
    """
    return {
        name
        if renamed.get(name, name) in fields
        else renamed.get(name, name): value
        for name, value in fields.items()
    }


def current_options(argv: Sequence[str]) -> list[str]:
    """Returns command-line arguments with the current names of options."""
    found = []
    for argument in argv:
        name, equals, value = argument.partition("=")
        found.append(OPTIONS.get(name, name) + equals + value)
    return found


def takes_old_names(function: _Function) -> _Function:
    """Lets a function take its keyword arguments by their old names too.

    Each old name is a `DeprecationWarning`; an old and a new name of the same
    argument together are a `TypeError`.
    """

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        for old, new in ARGUMENTS.items():
            if old not in kwargs:
                continue
            if new in kwargs:
                raise TypeError(
                    f"`{old}` is the old name of `{new}`: pass only `{new}`. "
                    f"Received: {old}={kwargs[old]!r}, {new}={kwargs[new]!r}"
                )
            warnings.warn(
                f"The argument `{old}` of `{function.__name__}` is now called "
                f"`{new}`.",
                DeprecationWarning,
                stacklevel=2,
            )
            kwargs[new] = kwargs.pop(old)
        return function(*args, **kwargs)

    return wrapper
