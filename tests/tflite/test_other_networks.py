"""Networks of other packages go through the same recipes."""

import keras
import numpy as np
import pytest
from exported import predict
from small_model import make_images
from tiny_model import enliven

from keras_mobilevit.tflite import export_tflite, inspect
from keras_mobilevit.tflite.metrics import sqnr

SIZE = (64, 64)


@pytest.fixture(scope="module")
def mobilenet():
    """Keras' own MobileNetV2, which wants pixels in [-1, 1]."""
    inputs = keras.Input((*SIZE, 3), name="image")
    network = keras.applications.MobileNetV2(
        input_shape=(*SIZE, 3), alpha=0.35, weights=None, classes=7
    )
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    model = keras.Model(inputs, network(x), name="mobilenet")
    enliven(model, make_images(8, SIZE))
    return model


def test_mobilenet_in_float(mobilenet, tmp_path):
    images = make_images(10, SIZE, seed=3)
    expected = predict(mobilenet, images)
    assert np.ptp(expected, axis=0).max() > 0.05
    path = export_tflite(mobilenet, tmp_path / "float32.tflite", "float32")
    inspect(path).require_full_delegation()
    assert sqnr(expected, predict(path, images)) > 90


@pytest.mark.slow
def test_mobilenet_in_int8(mobilenet, tmp_path):
    path = export_tflite(
        mobilenet,
        tmp_path / "int8.tflite",
        "int8",
        calibration=make_images(30, SIZE, seed=1),
        # Random weights have no answers that could stay the same.
        min_sqnr=0,
    )
    inspection = inspect(path)
    inspection.require_full_delegation()
    convolutions = {
        operation.inputs[0]
        for operation in inspection.operations
        if operation.kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
    }
    assert convolutions == {"int8"}
