"""Plots as PNG files, drawn without a display."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.optional_imports import import_optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextlib.contextmanager
def png_figure(
    path: str | os.PathLike, size: tuple[float, float], *, extra: str
) -> Iterator[Figure]:
    """A figure to draw on, which is written when all is drawn.

    Args:
        path: PNG file to write.
        size: Width and height in inches.
        extra: Extra of this package that brings Matplotlib.

    Yields:
        The empty figure.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    figure_module = import_optional("matplotlib.figure", extra=extra)
    figure = figure_module.Figure(figsize=size, layout="constrained")
    yield figure
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    atomic_write(path, image.getvalue())
