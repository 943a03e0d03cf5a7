"""A classifier of a few layers of every kind, and pictures for it."""

import importlib.util

import keras
import numpy as np
import pytest
from PIL import Image

from keras_mobilevit import layers
from keras_mobilevit.compression import compress
from keras_mobilevit.compression.methods import FineTuning

CLASSES = ("blue", "green", "red")
FAST = FineTuning(batch_size=6, learning_rate=1e-3)


@pytest.fixture(scope="session")
def model():
    """One layer of each kind; its map of 10x12 is cut into 5x6 patches."""
    keras.utils.set_random_seed(0)
    image = keras.Input((40, 48, 3))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(image)
    x = layers.ConvBlock(8, 3, 4, name="stem")(x)
    x = layers.InvertedResidual(8, expansion=2, name="stage1_ir")(x)
    x = layers.MobileViTBlock(16, depth=1, name="stage3_block")(x)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = keras.layers.Dropout(0.1, name="top_dropout")(x)
    x = keras.layers.Dense(3, "softmax", name="predictions")(x)
    return keras.Model(image, x, name="small")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Folder of 24 pictures in three classes, told apart by their colour."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for index in range(24):
        label = index % 3
        pixels = rng.integers(0, 100, (40, 48, 3), np.uint8)
        pixels[..., 2 - label] += 150
        path = folder / CLASSES[label] / f"{index:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture(scope="session")
def squeeze(pictures):
    """Compresses a model on the pictures, in four steps."""
    # Not imported here: that would change what `tf.keras` is.
    for module in ("tensorflow_model_optimization", "tf_keras"):
        if importlib.util.find_spec(module) is None:
            pytest.skip("the extra `compress` is not installed")

    def run(model, method):
        return compress(model, method, pictures, pictures, fine_tuning=FAST)

    return run
