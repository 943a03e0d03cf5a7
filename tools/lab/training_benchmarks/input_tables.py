"""Rates of the input as JSON, and as tables for people."""

from __future__ import annotations

import numpy as np

from keras_mobilevit.markdown_tables import markdown_table
from training_benchmarks.footnotes import machine_text
from training_benchmarks.input_comparison import InputComparison

_COLUMNS = (
    *("workers", "images/s (lowest - highest)", "against the first row"),
    "first batch s",
)


def to_table(comparison: InputComparison) -> str:
    """Returns the rates of one recipe as a Markdown table.

    Args:
        comparison: From `compare_inputs`.

    Returns:
        A row a number of workers: median and range of the images per second,
        the median over that of the first row, and the median time to the
        first batch.
    """
    reference = np.median(comparison.results[0].rates)
    rows = []
    for result in comparison.results:
        rates = result.rates
        rows.append(
            (
                str(result.workers) if result.workers else "0 (threads)",
                f"{np.median(rates):,.0f} "
                f"({rates.min():,.0f} - {rates.max():,.0f})",
                f"{np.median(rates) / reference:.2f}",
                f"{np.median(result.first_seconds):.1f}",
            )
        )
    return markdown_table(_COLUMNS, rows)


def to_footnote(comparison: InputComparison, machine: dict) -> str:
    """Returns how and on what it was measured, in a few lines.

    Args:
        comparison: From `compare_inputs`.
        machine: From `keras_mobilevit.machine.describe_machine`.
    """
    rounds = len(comparison.results[0].rates)
    return (
        f"Augmentation of {comparison.recipe}, {comparison.size} pixels, "
        f"{comparison.batch_size} images a batch; {comparison.batches} "
        f"batches in each of {rounds} interleaved rounds, nothing else runs.\n"
        f"{machine_text(machine)}"
    )
