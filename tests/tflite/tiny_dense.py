"""A detector and a network that segments, of a few layers each."""

import keras
import numpy as np
from small_model import make_images

from keras_mobilevit import layers
from keras_mobilevit.configs import SSD_LEVELS

DENSE_SIZE = (64, 96)
OBJECTS = ("background", "ant", "bee", "cow")
REGIONS = ("sky", "road", "tree", "house", "car")


def make_tiny_detector():
    """The levels of a real one, on one MobileViT block."""
    image, x = _features(stride=8)
    heads = []
    for index, level in enumerate(SSD_LEVELS):
        if level.stride is None:
            x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
        else:
            x = layers.ConvBlock(
                12, 3, 2, activation="relu", name=f"extra{index}"
            )(x)
        channels = 4 + len(OBJECTS)
        head = keras.layers.Conv2D(
            level.anchors * channels, 1, name=f"head{index}_predict"
        )
        heads.append(keras.layers.Reshape((-1, channels))(head(x)))
    outputs = keras.layers.Concatenate(axis=1, name="predictions")(heads)
    return _with_signal(keras.Model(image, outputs, name="detector"))


def make_tiny_segmenter():
    image, x = _features(stride=4)
    x = layers.ASPP(12, rates=(1, 2, 3), name="aspp")(x)
    x = keras.layers.Conv2D(len(REGIONS), 1, name="pixel_predictions")(x)
    x = layers.ResizeLike(name="upsampled")([x, image])
    return _with_signal(keras.Model(image, x, name="segmenter"))


def _features(stride):
    keras.utils.set_random_seed(0)
    image = keras.Input((*DENSE_SIZE, 3))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(image)
    x = layers.ConvBlock(12, 3, stride, name="stem")(x)
    return image, layers.MobileViTBlock(16, depth=1, name="stage2_block")(x)


def _with_signal(model):
    """Weights by which every class is the answer somewhere."""
    images = np.stack(make_images(16, DENSE_SIZE)).astype(np.float32)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # One batch sets the statistics.
    model(images, training=True)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if not layer.name.endswith(("_predict", "_predictions")):
            continue
        kernel, bias = layer.get_weights()
        scale = np.full(bias.shape, 3.0)
        if layer.name.endswith("_predict"):
            # Offsets are smaller than logits in trained detectors too.
            scale.reshape(-1, 4 + len(OBJECTS))[:, :4] = 0.3
        layer.set_weights([kernel * scale, rng.normal(size=len(bias)) * scale])
    return model
