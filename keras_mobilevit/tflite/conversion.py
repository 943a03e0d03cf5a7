"""From a Keras model to a float32 `.tflite` graph."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from typing import Any

import keras

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.progress import stage
from keras_mobilevit.reparameterization import reparameterize
from keras_mobilevit.tflite.exportable import (
    as_functional,
    float32_by_default,
    in_float32,
)
from keras_mobilevit.tflite.flatbuffer import ParsedFile, read_model
from keras_mobilevit.tflite.naming import shorten_names

INPUT_NAME = "image"
OUTPUT_NAME = "output"


def convert(model: keras.Model, size: tuple[int, int] | None = None) -> bytes:
    """Converts a model to float32 TFLite, in deploy form and of fixed shape.

    A static batch of one and static sides let XNNPACK take the whole graph;
    with a dynamic batch it falls apart into dozens of partitions.

    The file takes what the model takes; `export_tflite` puts a scaling of
    pixels into it, where the model has none.

    Args:
        model: Model of this package, or one that contains its blocks, with
            one image input.
        size: `(height, width)`; needed where the model's own are dynamic.

    Returns:
        The `.tflite` file with the signature `serve`, input `image` and
        output `output`. Several outputs have the names of their dictionary,
        or, out of a list, `output_0` and so on.

    Raises:
        ValueError: If the backend is not TensorFlow, or the size is missing
            or contradicts the model.
        ImportError: If TensorFlow is missing.

    Example:
        >>> import keras
        >>> from keras_mobilevit import tflite
        >>> model = keras.models.load_model("classifier.keras")
        >>> tflite.convert(model)[4:8]
        b'TFL3'
    """
    return convert_parsed(model, size).data


@stage("converting")
def convert_parsed(
    model: keras.Model, size: tuple[int, int] | None = None
) -> ParsedFile:
    """As `convert`, with the graph of the file."""
    model = in_float32(as_functional(model, size))
    shape = exported_shape(model, size)
    with float32_by_default():
        deploy = reparameterize(model)
    with saved_model_converter(deploy, shape) as converter:
        converted = read_model(converter.convert())
    shorten_names(converted, deploy)
    return ParsedFile.pack(converted)


@contextlib.contextmanager
def saved_model_converter(
    model: keras.Model, shape: tuple[int, int, int]
) -> Iterator[Any]:
    """A `tf.lite.TFLiteConverter` of a model with a static batch of one.

    It reads a temporary folder, and so is of use inside the context only.

    Args:
        model: Model with one image input.
        shape: `(height, width, channels)` of a picture.

    Raises:
        ValueError: If the backend is not TensorFlow.
        ImportError: If TensorFlow is missing.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "TFLite export needs the TensorFlow backend of Keras. Save the "
            "model as `.keras` and export it in a process with "
            "KERAS_BACKEND=tensorflow. Received: backend="
            f"{keras.backend.backend()}"
        )
    tf = import_optional("tensorflow", extra="tflite")
    spec = tf.TensorSpec((1, *shape), tf.float32, name=INPUT_NAME)

    @tf.function(input_signature=[spec], autograph=False)
    def serve(image):
        outputs = keras.tree.flatten(model(image, training=False))
        return dict(zip(output_names(model), outputs, strict=True))

    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serve", serve)
        with _without_asset_log():
            archive.write_out(folder, verbose=False)
        yield tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serve"]
        )


def output_names(model: keras.Model) -> list[str]:
    """Names of the outputs of a model in its file, in the order of Keras.

    Those in a dictionary keep their names. A single one is called `output`,
    several in a list are numbered.
    """
    count = len(model.outputs)
    # Keras does not give that of a Sequential model.
    sequential = isinstance(model, keras.Sequential)
    structure = None if sequential else model.output
    if isinstance(structure, dict) and len(structure) == count:
        names = keras.tree.flatten({key: str(key) for key in structure})
        # Tensors of a file differ in their names.
        return [f"{n}_output" if n == INPUT_NAME else n for n in names]
    if count == 1:
        return [OUTPUT_NAME]
    return [f"{OUTPUT_NAME}_{index}" for index in range(count)]


@contextlib.contextmanager
def _without_asset_log() -> Iterator[None]:
    """Keeps TensorFlow from telling where the temporary folder is.

    In notebooks it logs that. Its level is the user's, and stays as it is.
    """

    def is_other(record):
        return not str(record.msg).startswith("Assets written to")

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def exported_shape(
    model: keras.Model, size: tuple[int, int] | None = None
) -> tuple[int, int, int]:
    """Static `(height, width, channels)` that a model is exported with.

    Raises:
        ValueError: If the size is missing or contradicts the model.
    """
    if len(model.inputs) != 1:
        raise ValueError(
            f"The model must have one input. Received: {len(model.inputs)}"
        )
    *own, channels = model.inputs[0].shape[1:]
    if size is None:
        if None in own:
            raise ValueError(
                f"The model {model.name!r} takes any size: say which one to "
                "export with `size=(height, width)`."
            )
        return (*own, channels)
    if any(
        side not in (None, wanted)
        for side, wanted in zip(own, size, strict=True)
    ):
        raise ValueError(
            f"The model {model.name!r} is built for {tuple(own)}, not for "
            f"size={tuple(size)}. Build it with `input_shape=(*size, 3)` or "
            "`(None, None, 3)`."
        )
    return (*size, channels)
