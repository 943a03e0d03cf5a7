"""The plots of a report, as SVG that takes its text colour from the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from keras_mobilevit.svg_figures import (
    SERIES,
    svg_figure,
    svg_style,
    to_svg,
)
from keras_mobilevit.tflite.quantization_debugging.tensor_noise import (
    TensorFidelity,
    by_layer,
)

_FLOAT, _QUANTIZED, *_ = SERIES
_BAND = "#80808022"
# What is above says nothing: moves, and float operations.
_CEILING = 60.0
_BINS = 64


def sqnr_plot(tensors: Sequence[TensorFidelity]) -> str:
    """Draws the SQNR of all tensors in graph order, with their layers.

    Args:
        tensors: From
            `keras_mobilevit.tflite.quantization_debugging.tensor_noise.compare_tensors`.

    Returns:
        An SVG element.
    """
    layers = by_layer(tensors)
    x = _positions([tensor.layer for tensor in tensors])
    with svg_style():
        figure = svg_figure(height=5.5)
        axes = figure.subplots()
        for field, colour, label in (
            ("sqnr", _FLOAT, "all noise up to here"),
            ("local_sqnr", _QUANTIZED, "noise made here"),
        ):
            dots = np.array([getattr(tensor, field) for tensor in tensors])
            shown = dots <= _CEILING
            axes.plot(x[shown], dots[shown], ".", color=colour, alpha=0.6)
            bars = [getattr(layer, field) for layer in layers]
            starts = np.arange(len(layers))
            axes.hlines(
                *(bars, starts + 0.05, starts + 0.95),
                color=colour,
                lw=2.5,
                label=label,
            )
        for start in range(1, len(layers), 2):
            axes.axvspan(start, start + 1, color=_BAND, lw=0)
        axes.set_xticks(
            starts + 0.5,
            [layer.layer for layer in layers],
            rotation=90,
            parse_math=False,
        )
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(0, len(layers))
        axes.set_ylim(0, _CEILING)
        axes.set_ylabel("SQNR, dB")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        return to_svg(figure)


def _positions(layers):
    """Places tensors on an axis on which every layer is one wide."""
    counts, starts, seen = Counter(layers), {}, Counter()
    positions = []
    for layer in layers:
        start = starts.setdefault(layer, len(starts))
        seen[layer] += 1
        positions.append(start + seen[layer] / (counts[layer] + 1))
    return np.array(positions)


def histogram_plot(
    values: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> str:
    """Draws how the values of tensors and their errors are spread.

    Args:
        values: From
            `keras_mobilevit.tflite.quantization_debugging.tensor_noise.sample_values`.

    Returns:
        An SVG element with one row a tensor.
    """
    with svg_style():
        figure = svg_figure(height=2.4 * len(values))
        rows = figure.subplots(len(values), 2, squeeze=False)
        for (left, right), (name, (exact, actual)) in zip(
            rows, values.items(), strict=True
        ):
            edges = _edges(exact, actual)
            left.hist(exact, edges, color=_FLOAT, alpha=0.5, label="float")
            left.hist(
                actual,
                edges,
                color=_QUANTIZED,
                histtype="step",
                label="quantized",
            )
            left.set_title(name, parse_math=False, loc="left", fontsize=9)
            left.legend()
            right.hist(actual - exact, _BINS, color=_QUANTIZED, alpha=0.7)
            right.set_title("error, all noise", loc="left", fontsize=9)
            for axes in (left, right):
                axes.set_yscale("log")
                axes.set_ylabel("values")
        return to_svg(figure)


def _edges(exact, actual):
    """Bins that each hold the same number of the quantized values."""
    low = min(exact.min(), actual.min())
    high = max(exact.max(), actual.max())
    # Half a step below a quantized value, where float values divide as well.
    steps = np.diff(np.unique(actual))
    step = steps.min(initial=high - low) or 1.0
    width = step * max(np.ceil((high - low) / step / _BINS), 1)
    start = actual.min() - step / 2
    start -= width * np.ceil(max(start - low, 0) / width)
    return np.arange(start, high + 1.5 * width, width)
