"""All that can be measured of files side by side, but for their answers."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite.benchmarks.file_facts import (
    FileFacts,
    read_file_facts,
)
from keras_mobilevit.tflite.benchmarks.fresh_start import (
    FreshStart,
    measure_fresh_start,
)
from keras_mobilevit.tflite.benchmarks.latency import time_files
from keras_mobilevit.tflite.inspection.inspect import Inspection, inspect


@dataclasses.dataclass(frozen=True)
class Speedup:
    """How many times faster a file is than the first one.

    Attributes:
        ratio: Median latency of the first over the median of this one.
        p5: 5th percentile, over the rounds, of the ratio within a round.
        p95: 95th percentile of the same ratios. A single pair of inferences
            mostly lies between the two; where that range includes 1, the
            files cannot be told apart.
    """

    ratio: float
    p5: float
    p95: float


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One file at one number of threads.

    Attributes:
        name: Name of the file in the report.
        num_threads: Threads of the interpreter.
        facts: Hash, description and self-test of the file.
        inspection: Size and delegation.
        start: Start-up time and memory.
        warmup_ms: Milliseconds `(warmup,)` of the rounds that do not count.
        ms: Milliseconds `(runs,)` of the timed rounds.
        speedup: Against the first file at the same number of threads.

    Example:
        >>> from keras_mobilevit import tflite
        >>> (measurement,) = tflite.benchmark(
        ...     {"float32": "model.tflite"}, threads=[1], runs=5, warmup=1
        ... )
        >>> measurement.num_threads, measurement.ms.shape
        (1, (5,))
    """

    name: str
    num_threads: int
    facts: FileFacts
    inspection: Inspection
    start: FreshStart
    warmup_ms: np.ndarray
    ms: np.ndarray
    speedup: Speedup


def benchmark(
    files: Mapping[str, str | os.PathLike],
    *,
    threads: Sequence[int] = (1, 2),
    runs: int = 200,
    warmup: int = 20,
) -> list[Measurement]:
    """Measures files against the first of them.

    All files run in one process, interleaved, once for each number of
    threads; start-up and memory come from processes of their own.

    Args:
        files: Name in the report -> `.tflite` file; the first is the
            reference.
        threads: Numbers of threads, each at least 1.
        runs: Timed rounds.
        warmup: Rounds in front that do not count.

    Returns:
        One `Measurement` a file, in order, for the first number of threads,
        then for the next.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there are no files, or one can not be run, or a number
            is out of range.

    Example:
        >>> from keras_mobilevit import tflite
        >>> measurements = tflite.benchmark(
        ...     {"float32": "model.tflite", "int8": "int8.tflite"},
        ...     threads=[1],
        ...     runs=5,
        ...     warmup=1,
        ... )
        >>> [measurement.name for measurement in measurements]
        ['float32', 'int8']
    """
    if not files or not threads:
        raise ValueError(
            "Expected at least one file and one number of threads. Received: "
            f"files={dict(files)}, threads={list(threads)}"
        )
    paths = list(files.values())
    inspections = [inspect(path) for path in paths]
    facts = [read_file_facts(path) for path in paths]
    measurements = []
    for num_threads in threads:
        warmup_ms, ms = time_files(paths, runs, num_threads, warmup)
        starts = [
            measure_fresh_start(path, num_threads)
            for path in progress_bar(paths, desc="starting")
        ]
        measurements += [
            Measurement(
                name=name,
                num_threads=num_threads,
                facts=facts[index],
                inspection=inspections[index],
                start=starts[index],
                warmup_ms=warmup_ms[index],
                ms=ms[index],
                speedup=_speedup(ms[0], ms[index]),
            )
            for index, name in enumerate(files)
        ]
    return measurements


def _speedup(first_ms, ms):
    p5, p95 = np.percentile(first_ms / ms, (5, 95))
    return Speedup(
        float(np.median(first_ms) / np.median(ms)), float(p5), float(p95)
    )
