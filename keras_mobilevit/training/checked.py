"""Dataclasses that refuse a value which breaks the rule of its field.

A field is declared with its default and its rule together:
`epochs: int = whole(300, "[1, inf)")`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any


class Checked:
    """Base of dataclasses whose fields are made by the functions below."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not field.metadata["accepts"](value):
                expected = field.metadata["expected"]
                raise ValueError(
                    f"`{self.dotted(field.name)}` must be "
                    f"{expected() if callable(expected) else expected}. "
                    f"Received: {field.name}={value!r}"
                )

    @classmethod
    def dotted(cls, name: str) -> str:
        """Name of a field as seen from outside, such as `schedule.epochs`."""
        return f"{cls.__name__.lower()}.{name}"


def number(default: float, interval: str) -> Any:
    """A number in an interval, written as in mathematics: `"[0, 1)"`."""
    return _field(
        f"a number in {interval}",
        lambda value: _is_number(value) and _is_inside(value, interval),
        default,
    )


def whole(default: int, interval: str) -> Any:
    """A whole number in an interval."""
    return _field(
        f"a whole number in {interval}",
        lambda value: (
            _is_number(value)
            and isinstance(value, int)
            and _is_inside(value, interval)
        ),
        default,
    )


def pair(default: tuple[float, float], interval: str) -> Any:
    """A tuple of two numbers in an interval, the smaller one first."""
    return _field(
        f"two numbers in {interval}, the smaller one first",
        lambda value: (
            isinstance(value, tuple)
            and len(value) == 2
            and all(_is_number(v) and _is_inside(v, interval) for v in value)
            and value[0] <= value[1]
        ),
        default,
    )


def choice(
    default: str | int,
    choices: Collection[str | int] | Callable[[], Collection[str | int]],
) -> Any:
    """One of some texts, or of some whole numbers, or what returns them."""
    find = choices if callable(choices) else lambda: choices
    return _field(
        lambda: f"one of {list(find())}",
        lambda value: type(value) is type(default) and value in find(),
        default,
    )


def flag(default: bool) -> Any:
    """True or false."""
    return _field(
        "true or false", lambda value: isinstance(value, bool), default
    )


def text(
    default: str = dataclasses.MISSING,
    *,
    pattern: str = r"(?s).*",
    expected: str = "text",
) -> Any:
    """A text, all of which matches a regular expression."""
    return _field(
        expected,
        lambda value: (
            isinstance(value, str) and re.fullmatch(pattern, value) is not None
        ),
        default,
    )


def texts(default: tuple[str, ...] = ()) -> Any:
    """A tuple of texts, no two of them equal."""
    return _field(
        "different texts",
        lambda value: (
            isinstance(value, tuple)
            and all(isinstance(v, str) for v in value)
            and len(set(value)) == len(value)
        ),
        default,
    )


def part(default: Checked) -> Any:
    """Another such dataclass, of the type of the default."""
    kind = type(default)
    return _field(
        f"a {kind.__name__}", lambda value: isinstance(value, kind), default
    )


def _field(
    expected: str | Callable[[], str],
    accepts: Callable[[Any], bool],
    default: Any,
) -> Any:
    rule = {"expected": expected, "accepts": accepts}
    return dataclasses.field(default=default, metadata=rule)


def _is_number(value):
    # To Python, True is a whole number.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_inside(value, interval):
    low, high = map(float, interval[1:-1].split(","))
    return (
        low < value < high
        or (value == low and interval[0] == "[")
        or (value == high and interval[-1] == "]")
    )


def require_values(recipe: Any, values: Mapping[str, Any], reason: str) -> None:
    """Checks fields of several sections that must have one value.

    Args:
        recipe: Recipe.
        values: `"section.field"` -> what it must be.
        reason: Where that is so, and why; ends the sentence.

    Raises:
        ValueError: If one has another value.
    """
    for dotted, value in values.items():
        section, _, name = dotted.partition(".")
        received = getattr(getattr(recipe, section), name)
        if received != value:
            raise ValueError(
                f"`{dotted}` must be {value!r} {reason}. Received: "
                f"{name}={received!r}"
            )
