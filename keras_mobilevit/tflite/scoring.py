"""One number for a `.tflite` file in memory: SQNR or accuracy on images."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable, Sequence

import numpy as np

from keras_mobilevit.class_scores import as_two_classes
from keras_mobilevit.machine import usable_cores
from keras_mobilevit.progress import stage
from keras_mobilevit.tflite.flatbuffer import read_model
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.output_scores import output_scores
from keras_mobilevit.tflite.runners import FileRunner


def sqnr_scorer(
    float_model: bytes,
    images: Sequence[np.ndarray],
    problem_type: str | None = None,
    *,
    ignore_offset: bool = False,
) -> Callable[[bytes], float]:
    """Scores files by their SQNR in dB against the float one, on images.

    Args:
        float_model: File from `keras_mobilevit.tflite.convert`.
        images: At least one, `(height, width, channels)`, pixels in [0, 255].
        problem_type: What the output answers, one of
            `keras_mobilevit.model_info.PROBLEM_TYPES`; by default its last
            operation tells. Several outputs, and maps, are one vector.
        ignore_offset: As in `keras_mobilevit.tflite.metrics.powers`.
    """
    reference = predict_all(float_model, images)
    found = output_scores(read_model(float_model))
    problem_type = problem_type or found.problem_type or "single_label"

    def score(file):
        output = predict_all(file, images)
        step = None
        if found.kind == "probabilities":
            step = output_scores(read_model(file)).step
        return sqnr(
            reference,
            output,
            found.kind,
            step,
            problem_type=problem_type,
            ignore_offset=ignore_offset,
        )

    return score


def accuracy_scorer(
    images: Sequence[np.ndarray], truth: Sequence[int]
) -> Callable[[bytes], float]:
    """Scores files by their top-1 accuracy in percent, on labelled images.

    A single score is that of the second of two classes.
    """
    truth = np.asarray(truth)

    def score(file):
        outputs = predict_all(file, images)
        if outputs.shape[1] == 1:
            kind = output_scores(read_model(file)).kind
            outputs, _ = as_two_classes(outputs, kind)
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
