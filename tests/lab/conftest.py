"""The tiny model as files, for what the lab does with them."""

import numpy as np
import pytest
from small_model import make_images
from tiny_model import TINY_SIZE, make_tiny_model

from keras_mobilevit.tflite import convert
from keras_mobilevit.tflite.quantization.calibration import calibrate


@pytest.fixture(scope="session")
def tiny_float():
    """The tiny model as a float32 file, in bytes."""
    return convert(make_tiny_model())


@pytest.fixture(scope="session")
def tiny_calibration(tiny_float):
    images = np.stack(make_images(25, TINY_SIZE, seed=1))
    return calibrate(tiny_float, images)
