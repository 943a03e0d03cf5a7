"""Statistics of latencies, by NumPy."""

from __future__ import annotations

import pathlib

import numpy as np

from golden_values.writing import write_json


def write(folder: pathlib.Path) -> None:
    """Writes `statistics.json`: samples in ms, and what NumPy says of them."""
    rng = np.random.default_rng(0)
    samples = [
        np.array([3.25]),
        np.array([2.0, 1.0]),
        np.array([1.0, 1.0, 1.0]),
        *(rng.gamma(4.0, 0.3, count) for count in (4, 9, 10, 11, 100, 1001)),
    ]
    write_json(folder / "statistics.json", [_case(ms) for ms in samples])


def _case(ms):
    cut = ms.size // 10
    p5, median, p95 = np.percentile(ms, (5, 50, 95))
    return {
        "ms": ms.tolist(),
        "median": median,
        "p5": p5,
        "p95": p95,
        "mean": ms.mean(),
        "stddev": ms.std(),
        "min": ms.min(),
        "max": ms.max(),
        "trimmed_mean": np.sort(ms)[cut : ms.size - cut].mean(),
    }
