"""Looking at exported files, and at what they answer."""

import keras
import numpy as np
from small_model import make_images
from tiny_model import enliven

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite import RECIPES, ImageModel, inspect
from keras_mobilevit.tflite.conversion import convert_parsed
from keras_mobilevit.tflite.export import finish_file
from keras_mobilevit.tflite.flatbuffer import ParsedFile, read_model
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.quantization.calibration import calibrate_model
from keras_mobilevit.tflite.quantization.quantize import quantize_parsed

CALIBRATED = ("int8", "int8_accurate", "int8_full")
# `int8_full` is for devices without XNNPACK.
DELEGATED = tuple(name for name in RECIPES if name != "int8_full")


def predict(model, images):
    if isinstance(model, keras.Model):
        return model.predict(np.stack(images).astype("float32"), verbose=0)
    if not isinstance(model, ImageModel):
        model = ImageModel(model)
    return np.stack([model.predict(image) for image in images])


def graph_of(path):
    model = read_model(path.read_bytes())
    (graph,) = model.subgraphs
    return model, graph


def require_delegation_of_all_recipes(model, size, path):
    """Exports a new network by each recipe for XNNPACK, and inspects it.

    What only makes a file more accurate is left out: it takes most of an
    export's time, and random weights have no answers that could stay the same.
    """
    enliven(model, make_images(4, size))
    output_head = ExportOptions().find_output_head(model)
    source = convert_parsed(output_head.prepare(model), size)
    images = np.stack(make_images(8, size))
    calibration = calibrate_model(source.model, images)
    for name in DELEGATED:
        recipe = output_head.adapt(RECIPES[name]())
        quantized = quantize_parsed(source, recipe, calibration)
        path.write_bytes(
            finish_file(ParsedFile.pack(quantized), output_head, ModelInfo())
        )
        inspect(path).require_full_delegation()
