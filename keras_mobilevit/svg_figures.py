"""Plots as SVG that takes its text colour from the page around it."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from keras_mobilevit.optional_imports import import_optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Legible on white and on black, and apart for the colour-blind.
SERIES = ("#2a7fd4", "#e0702b", "#2a9d6f", "#b6539e", "#8a7a1f", "#6f6f6f")
# Text is drawn in a colour that occurs nowhere else, and that the page then
# replaces by its own.
_TEXT = "#010203"
_STYLE = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), _TEXT),
    **dict.fromkeys(("xtick.color", "ytick.color"), _TEXT),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "legend.frameon": False,
    # Constant names of the SVG's parts: equal input gives equal bytes.
    "svg.hashsalt": "keras_mobilevit",
}


def svg_style() -> contextlib.AbstractContextManager[None]:
    """Our style, whatever the user's own configuration says.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    style = import_optional("matplotlib.style", extra="report")
    return style.context(["default", _STYLE])


def svg_figure(height: float) -> Figure:
    """An empty figure as wide as a page.

    Args:
        height: Its height in inches.
    """
    figure = import_optional("matplotlib.figure", extra="report").Figure
    return figure(figsize=(11, height), layout="constrained")


def to_svg(figure: Figure) -> str:
    """Renders a figure as an SVG element without the XML declaration."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    _, start, svg = buffer.getvalue().partition("<svg")
    return (start + svg).replace(_TEXT, "currentColor")
