"""What TensorFlow's own converter makes of a model: the file to beat."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import keras
import numpy as np

from keras_mobilevit.extras import require
from keras_mobilevit.files import atomic_write
from keras_mobilevit.tflite.conversion import (
    exported_shape,
    saved_model_converter,
)
from keras_mobilevit.tflite.export import checked_path, describe
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.quantization.calibration_set import (
    Source,
    calibration_set,
)


def export_baseline(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    size: tuple[int, int] | None = None,
    calibration: Source,
    calibration_images: int = 100,
    seed: int = 0,
    labels: Sequence[str] = (),
    crop_fraction: float = 1.0,
    native_size: int = 0,
) -> pathlib.Path:
    """Exports by `tf.lite.TFLiteConverter`'s post-training quantization.

    The trained graph, not its deploy form, with int8 wherever the converter
    has it and float ends. For comparison only.

    Args:
        model: As in `export_tflite`.
        path: As in `export_tflite`.
        size: As in `export_tflite`.
        calibration: As in `export_tflite`.
        calibration_images: As in `export_tflite`.
        seed: As in `export_tflite`.
        labels: As in `export_tflite`.
        crop_fraction: As in `export_tflite`.
        native_size: As in `export_tflite`.

    Returns:
        `path`.
    """
    path = checked_path(path)
    tf = require("tensorflow", extra="tflite")
    metadata = dataclasses.replace(
        describe(model, labels, crop_fraction, native_size),
        recipe="tflite_converter",
    )
    shape = exported_shape(model, size)
    images = calibration_set(
        calibration,
        shape,
        count=calibration_images,
        seed=seed,
        crop_fraction=crop_fraction,
        native_size=native_size,
    )

    def representative_dataset():
        for image in images.images:
            yield [image[None].astype(np.float32)]

    with saved_model_converter(model, shape) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative_dataset
        data = converter.convert()
    metadata = dataclasses.replace(
        metadata,
        calibration_images=len(images.images),
        calibration_seed=images.seed,
    )
    atomic_write(path, append_metadata(data, metadata))
    return path
