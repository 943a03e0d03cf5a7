"""Latencies of several variants in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.tflite.benchmarks.benchmark import Measurement


def to_summary(reports: Mapping[str, Sequence[Measurement]]) -> str:
    """Returns the median milliseconds of several benchmarks in one table.

    Args:
        reports: Title, such as a variant -> its measurements, from
            `keras_mobilevit.tflite.benchmark`.

    Returns:
        A Markdown table with a row a file and a column a title and number
        of threads; a dash where a file is missing.
    """
    medians = {
        (item.name, f"{title}, {item.num_threads}T"): np.median(item.ms)
        for title, measurements in reports.items()
        for item in measurements
    }
    names = dict.fromkeys(name for name, _ in medians)
    columns = dict.fromkeys(column for _, column in medians)
    rows = [
        (name, *(_cell(medians.get((name, column))) for column in columns))
        for name in names
    ]
    return markdown_table(("median ms", *columns), rows)


def _cell(milliseconds):
    return "-" if milliseconds is None else f"{milliseconds:.2f}"
