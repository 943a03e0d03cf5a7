"""Keyword arguments of older releases that an `ImageSpec` took the place of."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from keras_mobilevit.deprecation import warn_moved
from keras_mobilevit.model_info import ImageSpec, ModelInfo

# Name of an argument -> field of `ImageSpec`.
_FIELDS = {
    "crop_fraction": "crop_pct",
    "native_size": "pre_resize",
    "crop_pct": "crop_pct",
    "pre_resize": "pre_resize",
    "whole": "crop_mode",
}
_CROP_MODES = {True: "squash", False: "center"}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def takes_image_arguments(
    argument: str,
) -> Callable[[_Function], _Function]:
    """Lets a function take single facts about its images, as it did before.

    Each of them is a `DeprecationWarning`.

    Args:
        argument: Argument of the function that says them now: `"image"`, an
            `ImageSpec`, or `"info"`, a `ModelInfo`.
    """

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            fields = {}
            for name in _FIELDS.keys() & kwargs.keys():
                field, value = _FIELDS[name], kwargs.pop(name)
                new = f"ImageSpec({field}=...)"
                if argument == "info":
                    new = f"ModelInfo(image={new})"
                warn_moved(
                    f"The argument `{name}` of `{function.__name__}`",
                    f"`{argument}={new}`",
                )
                if name == "whole":
                    value = _CROP_MODES[bool(value)]
                if value is not None:
                    fields[field] = value
            if fields:
                kwargs[argument] = _with(kwargs.get(argument), argument, fields)
            return function(*args, **kwargs)

        return wrapper

    return decorate


def _with(value, argument, fields):
    if argument == "info":
        return (value or ModelInfo()).with_image(**fields)
    return dataclasses.replace(value or ImageSpec(), **fields)
