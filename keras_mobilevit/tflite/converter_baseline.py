"""What TensorFlow's own converter makes of a model: the file to beat."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

import keras
import numpy as np

from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.renamed import takes_old_names
from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.conversion import (
    convert_parsed,
    exported_shape,
    saved_model_converter,
)
from keras_mobilevit.tflite.export import checked_path, write_file
from keras_mobilevit.tflite.exportable import as_functional, in_float32
from keras_mobilevit.tflite.flatbuffer import ParsedFile
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.verification import verify_foreign

_NAME = "tflite_converter"


@takes_image_arguments("info")
@takes_old_names
def export_baseline(
    model: keras.Model, path: str | os.PathLike, **options: Any
) -> pathlib.Path:
    """Exports by `tf.lite.TFLiteConverter`'s post-training quantization.

    The trained graph, not its deploy form, with int8 wherever the converter
    has it and float ends. For comparison only: it is measured against the
    float32 file of `export_tflite` on the reserved images, but not escalated.

    Args:
        model: As in `export_tflite`.
        path: As in `export_tflite`.
        **options: Keyword-only arguments of `export_tflite`; `calibration`
            is needed.

    Returns:
        `path`.

    Raises:
        ValueError: If an argument does not fit the model.
        FileNotFoundError: If the images are not there.
        ImportError: If TensorFlow is missing.

    Warns:
        UserWarning: If it is farther from float32 than `min_sqnr`, or too few
            images were reserved to tell.

    Example:
        >>> import keras
        >>> from keras_mobilevit import tflite
        >>> model = keras.models.load_model("classifier.keras")
        >>> path = tflite.export_baseline(
        ...     model, "baseline.tflite", calibration="photos"
        ... )
        >>> tflite.inspect(path).size > 0
        True
    """
    options = ExportOptions(**options)
    path = checked_path(path)
    tf = import_optional("tensorflow", extra="tflite")
    model = as_functional(model, options.size)
    output_head = options.find_output_head(model)
    prepared = in_float32(options.prepare(model))
    metadata = options.describe(model)
    images = options.draw_images(model)

    def representative_dataset():
        for image in images.images:
            yield [image[None].astype(np.float32)]

    shape = exported_shape(model, options.size)
    with saved_model_converter(prepared, shape) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative_dataset
        file = ParsedFile.parse(converter.convert())
    if options.compat:
        model = file.copy_model()
        make_compatible(model, options.compat)
        file = ParsedFile.pack(model)
    source = convert_parsed(prepared, options.size)
    facts = verify_foreign(_NAME, source, file, images, output_head, options)
    metadata = dataclasses.replace(
        metadata,
        name=metadata.name or path.stem,
        recipe=_NAME,
        calibration_images=len(images.images),
        calibration_seed=images.seed,
        fidelity=facts,
    )
    write_file(path, file, metadata, output_head)
    return path
