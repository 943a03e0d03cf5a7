"""One block of each kind: what is true of it is quickly seen."""

import keras
import numpy as np

from keras_mobilevit import layers

TINY_SIZE = (32, 48)
TINY_CLASSES = 5


def make_tiny_backbone(size=TINY_SIZE, channels=3):
    """Feature maps of half and of a quarter of the size."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((*size, channels))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    x = layers.ConvBlock(8, 3, 2, name="stem")(x)
    fine = x = layers.InvertedResidual(8, name="stage0_ir")(x)
    x = layers.InvertedResidual(12, strides=2, name="stage1_ir")(x)
    x = layers.MobileViTBlock(16, depth=1, name="stage2_block")(x)
    return keras.Model(inputs, [fine, x], name="tiny_backbone")


def make_tiny_model(size=TINY_SIZE, classes=TINY_CLASSES):
    """A classifier whose biases and batch statistics are not as at the start.

    At the start they are all alike, and so hide what is mixed up.
    """
    backbone = make_tiny_backbone(size)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(
        backbone.outputs[-1]
    )
    x = keras.layers.Dense(classes, "softmax", name="predictions")(x)
    model = keras.Model(backbone.inputs, x, name="tiny")
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            w + 0.2 * abs(rng.normal(size=w.shape)) if w.ndim == 1 else 2 * w
            for w in model.get_weights()
        ]
    )
    return model
