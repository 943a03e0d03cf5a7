"""Detectors and segmentation networks that say what they are told."""

import keras
import numpy as np

from keras_mobilevit.detection import make_anchors, make_targets
from keras_mobilevit.model_info import ModelInfo, OutputSpec

LABELS = ("background", "cat", "dog")
SIZE = (64, 96)


def predictions_of(*objects, size=SIZE):
    """What a perfect detector says of `(box, label, probability)`.

    Boxes are left, top, right, bottom, as shares of the sides.
    """
    anchors = make_anchors(size)
    predictions = np.zeros((len(anchors), 4 + len(LABELS)), np.float32)
    predictions[:, 4] = 20
    for box, label, probability in objects:
        targets = make_targets([box], [label], anchors)
        matched = targets[:, 4] > 0
        predictions[matched, :4] = targets[matched, :4]
        logit = np.log(probability / (1 - probability))
        predictions[matched, 4 + label] = 20 + logit
    return predictions


def constant_model(output, size=SIZE):
    """A Keras model that gives the same for every picture."""
    inputs = keras.Input((*size, 3))
    dense = keras.layers.Dense(output.size, kernel_initializer="zeros")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = dense(keras.layers.GlobalAveragePooling2D()(x))
    dense.bias.assign(output.ravel())
    return keras.Model(inputs, keras.layers.Reshape(output.shape)(x))


def colour_segmenter(size=(4, 4)):
    """A Keras model whose logits are the shares of red, green and blue."""
    inputs = keras.Input((*size, 3))
    return keras.Model(inputs, keras.layers.Rescaling(1 / 255)(inputs))


class StandIn:
    """An `ImageModel` that answers by a function of the picture."""

    def __init__(self, answer, size=SIZE, kind=None, **facts):
        self.answer, self.size, self.shape = answer, size, (*size, 3)
        # As the exporter describes a detector with its background.
        output = OutputSpec(kind=kind, label_offset=int(kind == "anchors"))
        self.info = ModelInfo(name="stand-in", output=output, **facts)

    def predict(self, image):
        return self.answer(image)
