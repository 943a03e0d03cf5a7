"""Latencies of files and machines in one plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_mobilevit.svg_figures import SERIES, svg_figure, svg_style, to_svg
from keras_mobilevit.tflite.benchmarks.result_summaries import Summary

# Of more machines than there are colours.
_MARKERS = "osD^v"


def latency_plot(summaries: Sequence[Summary]) -> str:
    """Draws medians as dots, and from 5th to 95th percentile as bars.

    A row is a file with its options; a colour is a machine.

    Args:
        summaries: Of one or more machines.

    Returns:
        An SVG element.
    """
    rows = list(dict.fromkeys(_row(summary) for summary in summaries))
    machines = list(dict.fromkeys(summary.machine for summary in summaries))
    with svg_style():
        figure = svg_figure(height=1 + 0.35 * len(summaries))
        axes = figure.subplots()
        for number, machine in enumerate(machines):
            own = [s for s in summaries if s.machine == machine]
            offset = 0.6 * ((number + 0.5) / len(machines) - 0.5)
            y = [rows.index(_row(summary)) + offset for summary in own]
            colour = SERIES[number % len(SERIES)]
            axes.hlines(
                y,
                [summary.p5_ms for summary in own],
                [summary.p95_ms for summary in own],
                color=colour,
                lw=3,
                alpha=0.5,
            )
            axes.plot(
                [summary.median_ms for summary in own],
                y,
                _MARKERS[number // len(SERIES) % len(_MARKERS)],
                color=colour,
                label=machine,
            )
        axes.set_yticks(np.arange(len(rows)), rows, parse_math=False)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel("ms: median, 5th to 95th percentile")
        legend = axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        for text in legend.get_texts():
            text.set_parse_math(False)
        return to_svg(figure)


def _row(summary):
    tool = "" if summary.tool in ("app", "python") else f", {summary.tool}"
    return f"{summary.file}, {summary.options}{tool}"
