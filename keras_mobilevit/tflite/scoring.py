"""One number for a `.tflite` file in memory: SQNR or accuracy on images."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable, Sequence

import numpy as np

from keras_mobilevit.machine import usable_cores
from keras_mobilevit.progress import stage
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.runners import FileRunner


def sqnr_scorer(
    float_model: bytes, images: Sequence[np.ndarray]
) -> Callable[[bytes], float]:
    """Scores files by their SQNR in dB against the float one, on images."""
    reference = predict_all(float_model, images)
    return lambda file: sqnr(reference, predict_all(file, images))


def accuracy_scorer(
    images: Sequence[np.ndarray], truth: Sequence[int]
) -> Callable[[bytes], float]:
    """Scores files by their top-1 accuracy in percent, on labelled images."""
    truth = np.asarray(truth)

    def score(file):
        outputs = predict_all(file, images)
        return 100 * float(np.mean(outputs.argmax(axis=1) == truth))

    return score


def predict_all(file: bytes, images: Sequence[np.ndarray]) -> np.ndarray:
    """Outputs `(images, values)` of a file; several outputs in a row."""
    outputs = predict_outputs(file, images).values()
    return np.concatenate([o.reshape(len(o), -1) for o in outputs], axis=1)


@stage("comparing with float32")
def predict_outputs(
    file: bytes, images: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Outputs of a file by name, each `(images, ...)`, as real numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.tflite")
        path.write_bytes(file)
        runner = FileRunner(path, min(usable_cores(), len(images)))
        rows = list(runner.run(images))
    if isinstance(rows[0], dict):
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    (name,) = runner.output_names
    return {name: np.stack(rows)}
