"""Classifiers with a few parts of a real one, under their names."""

import keras
import numpy as np

from keras_mobilevit import layers

SIZE = 32
CLASSES = 3


def make_classifier(size=SIZE, activation="softmax", seed=0):
    """Stem, stages 1 and 3, head and classifier."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    x = layers.ConvBlock(4, 3, 4, name="stem")(x)
    x = layers.InvertedResidual(4, 2, name="stage1_ir")(x)
    x = layers.MobileViTBlock(8, depth=1, name="stage3_block")(x)
    x = layers.ConvBlock(8, name="head")(x)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = keras.layers.Dense(CLASSES, activation, name="predictions")(x)
    return keras.Model(inputs, x, name="tiny")


def make_dense(seed=0):
    """Three small layers named after parts: quick to train."""
    keras.utils.set_random_seed(seed)
    inputs = x = keras.Input((4,))
    for name, units in (("stem", 5), ("head", 6)):
        x = keras.layers.Dense(units, "tanh", name=name)(x)
    x = keras.layers.Dense(CLASSES, "softmax", name="predictions")(x)
    return keras.Model(inputs, x)


def make_vectors(count, seed=0):
    """Inputs of `make_dense` and one-hot targets."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 4)).astype(np.float32), one_hot(count)


def make_batch(count, size=SIZE, seed=0):
    """Images in [0, 255] and one-hot targets."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 255, (count, size, size, 3)).astype(np.float32)
    return images, one_hot(count)


def one_hot(count):
    return np.eye(CLASSES, dtype=np.float32)[np.arange(count) % CLASSES]


def copies(variables):
    """Values that do not change with the variables."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]
