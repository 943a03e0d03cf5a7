"""Layers of the trial network: a convolution, and attention of one query."""

import keras
from keras import ops

from keras_mobilevit.layers.resizing import image_size

PACKAGE = "keras_mobilevit"
EPSILON = 1e-5


@keras.saving.register_keras_serializable(package=PACKAGE)
class TrialConv(keras.layers.Layer):
    """3x3 convolution of stride 2 with a bias, ReLU."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv = keras.layers.Conv2D(
            filters, 3, 2, "same", dtype=self.dtype_policy, name="conv"
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, inputs):
        return ops.relu(self.conv(inputs))

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TrialBlock(keras.layers.Layer):
    """Attention with one query for the whole map, behind a group norm."""

    def build(self, input_shape):
        channels = input_shape[-1]
        self.norm = self.make_norm()
        self.query, self.key, self.value, self.project = (
            keras.layers.Conv2D(filters, 1, dtype=self.dtype_policy, name=name)
            for name, filters in (
                ("query", 1),
                ("key", channels),
                ("value", channels),
                ("project", channels),
            )
        )
        for layer in (self.norm, *self.convolutions):
            layer.build(input_shape)

    def make_norm(self):
        return keras.layers.GroupNormalization(
            1, epsilon=EPSILON, dtype=self.dtype_policy, name="norm"
        )

    @property
    def convolutions(self):
        return (self.query, self.key, self.value, self.project)

    def call(self, inputs):
        return inputs + self.attend(self.norm(inputs))

    def attend(self, x):
        height, width = image_size(x)
        scores = ops.reshape(self.query(x), (-1, height * width))
        scores = ops.reshape(
            ops.softmax(scores, axis=-1), (-1, height, width, 1)
        )
        context = ops.mean(scores * self.key(x), axis=(1, 2), keepdims=True)
        gated = ops.relu(self.value(x)) * (context * (height * width))
        return self.project(gated)

    def compute_output_shape(self, input_shape):
        return input_shape
