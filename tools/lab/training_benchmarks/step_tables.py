"""Training steps as JSON, and as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_mobilevit.markdown_tables import markdown_table
from training_benchmarks.footnotes import machine_text
from training_benchmarks.step_comparison import StepComparison

_COLUMNS = (
    *("implementation", "images/s (p5 - p95)", "speed-up (p5 - p95)"),
    *("first step s", "peak memory MB"),
)


def to_table(comparison: StepComparison) -> str:
    """Returns the figures of one variant as a Markdown table.

    Args:
        comparison: From `compare_steps`.

    Returns:
        A row an implementation: images per second at the median step and its
        spread, how many times faster than the first implementation, the seconds
        of the first step, and the peak memory of the process.
    """
    rows = [
        (
            result.name,
            spread(comparison.batch_size / result.seconds, ".2f"),
            spread(comparison.results[0].seconds / result.seconds, ".2f"),
            f"{result.first_seconds:.1f}",
            "unknown" if result.peak_mb is None else f"{result.peak_mb:,.0f}",
        )
        for result in comparison.results
    ]
    return markdown_table(_COLUMNS, rows)


def spread(series, spec: str) -> str:
    """Median, 5th and 95th percentile of a series, in a format."""
    p5, median, p95 = np.percentile(series, (5, 50, 95))
    return f"{median:{spec}} ({p5:{spec}} - {p95:{spec}})"


def to_summary(comparisons: Sequence[StepComparison]) -> str:
    """Returns the images per second of several variants in one table.

    Args:
        comparisons: From `compare_steps`.

    Returns:
        A Markdown table with a row an implementation and a column a variant; a
        dash where an implementation is missing.
    """
    rates = {
        (result.name, comparison.variant): comparison.batch_size
        / np.median(result.seconds)
        for comparison in comparisons
        for result in comparison.results
    }
    variants = [comparison.variant for comparison in comparisons]
    names = dict.fromkeys(name for name, _ in rates)
    rows = [
        (
            name,
            *(
                f"{rates[name, variant]:.2f}"
                if (name, variant) in rates
                else "-"
                for variant in variants
            ),
        )
        for name in names
    ]
    return markdown_table(("images/s", *variants), rows)


def to_part_table(comparisons: Sequence[StepComparison]) -> str:
    """Returns the time of parts of a step in one table.

    Args:
        comparisons: From `compare_steps`, of one variant, a part each.

    Returns:
        A Markdown table with a row a part and a column an implementation:
        milliseconds of the median; a dash where one is missing.
    """
    names = dict.fromkeys(
        result.name for item in comparisons for result in item.results
    )
    rows = []
    for comparison in comparisons:
        times = {
            result.name: f"{1000 * np.median(result.seconds):.1f}"
            for result in comparison.results
        }
        rows.append(
            (comparison.part, *(times.get(name, "-") for name in names))
        )
    return markdown_table(("ms", *names), rows)


def to_footnote(comparison: StepComparison, machine: dict) -> str:
    """Returns how and on what it was measured, in a few lines.

    Args:
        comparison: From `compare_steps`.
        machine: From `keras_mobilevit.machine.describe_machine`.
    """
    versions = {}
    for result in comparison.results:
        versions |= result.versions
    rounds = max((len(item.seconds) for item in comparison.results), default=0)
    return (
        f"{rounds} interleaved training steps after {comparison.warmup} to "
        f"warm up, {comparison.batch_size} images of {comparison.size}x"
        f"{comparison.size}, {comparison.device} with {comparison.threads} "
        f"threads, {comparison.dtype}, AdamW. "
        "Speed-up is over the first row, within a round: its median and "
        f"spread.\n{machine_text(machine, versions)}"
    )
