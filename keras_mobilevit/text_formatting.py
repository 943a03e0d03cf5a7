"""What messages share."""

from __future__ import annotations

from collections.abc import Sequence


def abbreviate(names: Sequence[object], count: int = 5) -> str:
    """The first of many names, for a message.

    Args:
        names: What to name.
        count: How many to name at most.
    """
    shown = ", ".join(map(str, names[:count]))
    return shown + (", ..." if len(names) > count else "")


def counted(count: int, noun: str) -> str:
    """A number and what it counts: `1 layer`, `3 layers`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
