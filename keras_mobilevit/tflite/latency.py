"""Latency of several files, interleaved so that noise hits all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from keras_mobilevit.tflite.runtime import ImageModel


def measure_latency(
    paths: Sequence[str | os.PathLike],
    runs: int = 100,
    num_threads: int = 1,
    warmup: int = 10,
) -> list[float]:
    """Times one inference of each file in turn, `runs` times over.

    Every other round goes backwards, so that no file always follows the same
    one. Only the graph is timed, not the reading of pictures.

    Args:
        paths: Files to compare.
        runs: Timed rounds.
        num_threads: Threads of each interpreter.
        warmup: Rounds in front that do not count.

    Returns:
        Median milliseconds of each file.
    """
    models = [ImageModel(path, num_threads) for path in paths]
    rng = np.random.default_rng(0)
    for model in models:
        model.set_image(rng.integers(0, 256, (*model.size, 3)))
    times = [[] for _ in models]
    order = list(range(len(models)))
    for round_ in tqdm(range(warmup + runs), desc="timing", disable=None):
        order.reverse()
        for index in order:
            start = time.perf_counter()
            models[index].invoke()
            elapsed = time.perf_counter() - start
            if round_ >= warmup:
                times[index].append(1000 * elapsed)
    return [statistics.median(series) for series in times]
