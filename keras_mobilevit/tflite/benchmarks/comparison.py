"""Size, delegation, latency and agreement of several files side by side."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from keras_mobilevit.tflite.benchmarks.latency import measure_latency
from keras_mobilevit.tflite.inspection.inspect import Inspection, inspect
from keras_mobilevit.tflite.runtime import ImageModel


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One file, measured beside others.

    Attributes:
        inspection: Size and delegation.
        milliseconds: Median latency of one inference.
        speedup: Latency of the first file over this one's.
        agreement: Share of the images on which it names the same class as
            the first file.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import tflite
        >>> shape = tflite.ImageModel("model.tflite").shape
        >>> images = np.random.default_rng(0).uniform(0, 255, (2, *shape))
        >>> reference, int8 = tflite.compare(
        ...     ["model.tflite", "int8.tflite"], images, runs=5
        ... )
        >>> reference.speedup, int8.speedup > 0
        (1.0, True)
    """

    inspection: Inspection
    milliseconds: float
    speedup: float
    agreement: float


def compare(
    paths: Sequence[str | os.PathLike],
    images: Sequence[np.ndarray],
    *,
    runs: int = 100,
    num_threads: int = 1,
) -> list[Comparison]:
    """Measures files against the first of them.

    Args:
        paths: Files of one model; the first is the reference.
        images: Pixels `(height, width, 3)` in [0, 255], of the files' size,
            on which to compare the answers.
        runs: Timed rounds, interleaved.
        num_threads: Threads of the interpreter.

    Returns:
        One `Comparison` a file.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import tflite
        >>> shape = tflite.ImageModel("model.tflite").shape
        >>> images = np.random.default_rng(0).uniform(0, 255, (2, *shape))
        >>> comparisons = tflite.compare(
        ...     ["model.tflite", "int8.tflite"], images, runs=5
        ... )
        >>> [comparison.inspection.partitions for comparison in comparisons]
        [1, 1]
    """
    latencies = measure_latency(paths, runs, num_threads)
    answers = []
    for path in paths:
        model = ImageModel(path, num_threads)
        answers.append([model.predict(image).argmax() for image in images])
    answers = np.array(answers)
    return [
        Comparison(
            inspection=inspect(path),
            milliseconds=latency,
            speedup=latencies[0] / latency,
            agreement=float(np.mean(answer == answers[0])),
        )
        for path, latency, answer in zip(paths, latencies, answers, strict=True)
    ]
