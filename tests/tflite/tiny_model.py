"""One layer of each kind: what is true of it is quickly seen."""

import keras
import numpy as np
from small_model import make_images

from keras_mobilevit import layers

TINY_SIZE = (32, 48)
TINY_CLASSES = 5


def make_tiny_backbone(size=TINY_SIZE):
    """Feature maps of half and of a quarter of the size.

    Args:
        size: Height and width; both may be None.
    """
    keras.utils.set_random_seed(0)
    inputs = keras.Input((*size, 3))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    x = layers.ConvBlock(8, 3, 2, name="stem")(x)
    fine = x = layers.InvertedResidual(8, name="stage0_ir")(x)
    x = layers.InvertedResidual(12, strides=2, name="stage1_ir")(x)
    x = layers.MobileViTBlock(16, depth=1, name="stage2_block")(x)
    model = keras.Model(inputs, [fine, x], name="tiny_backbone")
    enliven(model, make_images(32, TINY_SIZE if None in size else size))
    return model


def make_tiny_model(size=TINY_SIZE, classes=TINY_CLASSES):
    """A classifier with all classes among its answers."""
    backbone = make_tiny_backbone(size)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(
        backbone.outputs[-1]
    )
    # Its mean is taken off, so that no class is preferred.
    images = np.stack(make_images(32, size, seed=1))
    mean = keras.Model(backbone.inputs, x).predict(images, verbose=0).mean(0)
    dense = keras.layers.Dense(classes, "softmax", name="predictions")
    model = keras.Model(backbone.inputs, dense(x), name="tiny")
    kernel = 4 * keras.ops.convert_to_numpy(dense.kernel)
    dense.set_weights([kernel, -mean @ kernel])
    return model


def enliven(model, images):
    """Gives a new model weights that pass the signal on, as trained ones do.

    Those of the start let it fade to 1e-7, which no int8 scale fits.
    """
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            w + 0.2 * rng.normal(size=w.shape) if w.ndim == 1 else w
            for w in model.get_weights()
        ]
    )
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # One batch sets the statistics.
    model(np.stack(images), training=True)
