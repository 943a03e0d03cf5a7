"""Latency of several files, interleaved so that noise hits all alike."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite.benchmarks.fresh_start import feed_noise
from keras_mobilevit.tflite.runtime import make_interpreter


def time_files(
    paths: Sequence[str | os.PathLike],
    runs: int = 100,
    num_threads: int = 1,
    warmup: int = 10,
) -> tuple[np.ndarray, np.ndarray]:
    """Times one inference of each file in turn, `warmup + runs` times over.

    Every round has an order of its own, drawn with a fixed seed, so that no
    file always follows the same one, whose caches and waking threads it would
    inherit. Only the graph is timed, not the reading of pictures.

    Args:
        paths: Files to compare, of any input size, layout and number type.
            A dynamic batch becomes a batch of one.
        runs: Timed rounds, at least 1.
        num_threads: Threads of each interpreter.
        warmup: Rounds in front that do not count.

    Returns:
        `(warmup_ms, ms)`: arrays `(files, warmup)` and `(files, runs)`, in
        milliseconds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file, or can not be fed with noise, or
            a number is out of range.
    """
    if runs < 1 or warmup < 0 or num_threads < 1:
        raise ValueError(
            "Expected runs >= 1, warmup >= 0 and num_threads >= 1. Received: "
            f"runs={runs}, warmup={warmup}, num_threads={num_threads}"
        )
    interpreters = [make_interpreter(path, num_threads) for path in paths]
    for interpreter in interpreters:
        feed_noise(interpreter)
    rng = np.random.default_rng(0)
    milliseconds = np.empty((len(paths), warmup + runs))
    for round_ in progress_bar(range(warmup + runs), desc="timing"):
        for index in rng.permutation(len(paths)):
            start = time.perf_counter()
            interpreters[index].invoke()
            elapsed = time.perf_counter() - start
            milliseconds[index, round_] = 1000 * elapsed
    return milliseconds[:, :warmup], milliseconds[:, warmup:]


def measure_latency(
    paths: Sequence[str | os.PathLike],
    runs: int = 100,
    num_threads: int = 1,
    warmup: int = 10,
) -> list[float]:
    """Median milliseconds of each file; the arguments are `time_files`'s.

    Example:
        >>> from keras_mobilevit import tflite
        >>> milliseconds = tflite.measure_latency(
        ...     ["model.tflite", "int8.tflite"], runs=5
        ... )
        >>> len(milliseconds), min(milliseconds) > 0
        (2, True)
    """
    _, milliseconds = time_files(paths, runs, num_threads, warmup)
    return np.median(milliseconds, axis=1).tolist()
