"""The measurements that a report on a quantized file is made of."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np

from keras_mobilevit.image_folders import iterate_files, load_readable
from keras_mobilevit.machine import describe_machine
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.pixel_scaling import scaling_of
from keras_mobilevit.tflite.benchmarks.benchmark import Measurement, benchmark
from keras_mobilevit.tflite.evaluation.evaluate import evaluate
from keras_mobilevit.tflite.quantization_debugging.tensor_noise import (
    TensorFidelity,
    compare_tensors,
    noisiest_ops,
    sample_values,
)
from keras_mobilevit.tflite.runtime import ImageModel

_FIDELITY_IMAGES = 100
_HISTOGRAM_IMAGES = 10
_HISTOGRAMS = 6


@dataclasses.dataclass(frozen=True)
class Findings:
    """What was measured. Pairs are of the float file, then the quantized one.

    Attributes:
        info: What the quantized file says of itself.
        measurements: Size, delegation, speed and memory.
        machine: As `describe_machine` tells.
        evaluations: Accuracy and agreement of classifiers, as
            `keras_mobilevit.tflite.evaluate` returns them; empty for files
            of other tasks, whose mAP or mIoU `keras-mobilevit evaluate`
            measures.
        tensors: Fidelity of all tensors of the quantized file.
        samples: Name to `(float values, quantized values)` of the noisiest.
    """

    info: ModelInfo
    measurements: list[Measurement]
    machine: dict
    evaluations: list[Any]
    tensors: list[TensorFidelity]
    samples: dict[str, tuple[np.ndarray, np.ndarray]]


def measure(
    quantized: str | os.PathLike,
    reference: str | os.PathLike,
    data: str | os.PathLike | None,
    images: str | os.PathLike | None,
    limit: int | None,
    runs: int,
    num_threads: int,
) -> Findings:
    """Takes all measurements of a report.

    Args:
        quantized: As in `write_report`.
        reference: As in `write_report`.
        data: As in `write_report`.
        images: As in `write_report`.
        limit: As in `write_report`.
        runs: As in `write_report`.
        num_threads: As in `write_report`.
    """
    files = (reference, quantized)
    model = ImageModel(quantized)
    count = min(limit or _FIDELITY_IMAGES, _FIDELITY_IMAGES)
    files_read = iterate_files(images or data, count)
    pictures = [
        scaling_of(model.info.image).apply(image)
        for _, image in load_readable(files_read, model.load_image)
    ]
    # Neighbours are often of one class: take some from everywhere.
    few = pictures[:: -(-len(pictures) // _HISTOGRAM_IMAGES)]
    tensors = compare_tensors(*files, pictures)
    worst = [tensor.name for tensor in noisiest_ops(tensors)[:_HISTOGRAMS]]
    evaluations = {}
    if model.info.task == "classification":
        evaluations = evaluate(
            {"float": reference, "quantized": quantized},
            data or images,
            model.info.output_labels if data else (),
            image=model.info.image,
            limit=limit,
        )
    return Findings(
        info=model.info,
        measurements=benchmark(
            {"float": reference, "quantized": quantized},
            threads=[num_threads],
            runs=runs,
        ),
        machine=describe_machine(),
        evaluations=list(evaluations.values()),
        tensors=tensors,
        samples=sample_values(*files, few, worst),
    )
