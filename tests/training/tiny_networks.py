"""A detector and a network for segmentation of a few layers each."""

import keras

from keras_mobilevit import layers
from keras_mobilevit.configs import SSD_LEVELS


def make_segmenter(classes, seed=0):
    """Logits at an eighth of the image's sides."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    x = layers.ConvBlock(8, 3, 4, name="stem")(x)
    x = layers.ConvBlock(8, 3, 2, name="stage1_ir")(x)
    x = keras.layers.Dropout(0.1, name="top_dropout")(x)
    x = keras.layers.Conv2D(classes, 1, name="pixel_predictions")(x)
    return keras.Model(inputs, x, name="tiny_segmenter")


def make_detector(classes, seed=0):
    """The maps of a real one, each from the one before."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    x = layers.ConvBlock(8, 3, 4, name="stem")(x)
    x = layers.ConvBlock(16, 3, 2, name="stage1_ir")(x)
    heads = []
    for index, level in enumerate(SSD_LEVELS):
        if level.stride is None:
            x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
        else:
            x = layers.ConvBlock(16, 3, 2, name=f"extra{index}")(x)
        head = keras.layers.Conv2D(
            level.anchors * (4 + classes), 1, name=f"head{index}_predict"
        )
        heads.append(keras.layers.Reshape((-1, 4 + classes))(head(x)))
    x = keras.layers.Concatenate(axis=1, name="predictions")(heads)
    return keras.Model(inputs, x, name="tiny_detector")
