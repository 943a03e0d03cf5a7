"""Data sets opened in turn, each in a process of its own."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

from keras_mobilevit.markdown_tables import markdown_table

WORKER = pathlib.Path(__file__).with_name("opening_worker.py")
_PACKAGE = pathlib.Path(__file__).parents[3]
_COLUMNS = (
    *("data set", "images", "open s", "CPU s", "peak memory MB"),
    *("random reads/s", "memory before reads MB", "after reads MB"),
)
_TIMES = ("open_seconds", "open_cpu_seconds", "read_seconds")


def measure(
    paths: Mapping[str, pathlib.Path], *, rounds: int, reads: int
) -> dict[str, list[dict[str, float]]]:
    """Opens every data set once a round.

    Args:
        paths: Name -> path of each data set.
        rounds: How often.
        reads: Images to read at random from each that is open.

    Returns:
        Name -> what `opening_worker` says, for each round.

    Raises:
        ValueError: If a process fails.
    """
    results = {name: [] for name in paths}
    for _ in range(rounds):
        for name, path in paths.items():
            results[name].append(_open(path, reads))
    return results


def _open(path, reads):
    done = subprocess.run(
        [sys.executable, WORKER, path, str(reads)],
        env={**os.environ, "PYTHONPATH": str(_PACKAGE)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ValueError(f"{path} could not be opened:\n{done.stderr}")
    return json.loads(done.stdout)


def to_table(
    results: Mapping[str, Sequence[Mapping[str, float]]], reads: int
) -> str:
    """Medians of the times and maxima of the memory, as a Markdown table.

    Args:
        results: From `measure`.
        reads: As in `measure`.
    """
    rows = []
    for name, rounds in results.items():
        columns = {key: [facts[key] for facts in rounds] for key in rounds[0]}
        medians = {key: statistics.median(columns[key]) for key in _TIMES}
        memory = ("open_peak_mb", "open_mb", "read_mb")
        peak, *held = (_largest(columns[key]) for key in memory)
        rows.append(
            [
                name,
                f"{columns['images'][0]:,}",
                f"{medians['open_seconds']:.1f}",
                f"{medians['open_cpu_seconds']:.1f}",
                peak,
                f"{reads / medians['read_seconds']:,.0f}",
                *held,
            ]
        )
    return markdown_table(_COLUMNS, rows)


def _largest(values):
    return "unknown" if None in values else f"{max(values):,.0f}"
