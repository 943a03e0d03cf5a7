"""Looking at exported files, and at what they answer."""

import keras
import numpy as np

from keras_mobilevit.tflite import RECIPES, ImageModel
from keras_mobilevit.tflite.flatbuffer import read_model

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
