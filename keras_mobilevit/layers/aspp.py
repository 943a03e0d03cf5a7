"""Atrous spatial pyramid pooling, the head of DeepLabv3."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from keras_mobilevit.layers.composite import CompositeLayer
from keras_mobilevit.layers.convolution import PACKAGE, ConvBlock
from keras_mobilevit.layers.resizing import image_size, resize


@keras.saving.register_keras_serializable(package=PACKAGE)
class ASPP(CompositeLayer):
    """Atrous spatial pyramid pooling: one map seen at several scales.

    Side by side, a 1x1 convolution block, a 3x3 one for each dilation rate,
    and one over the mean of the whole image, which is then spread over the
    map. Their outputs are concatenated in this order and projected by a 1x1
    convolution block; dropout follows.
    Source: Section 3.3 of arXiv 1706.05587.

    Args:
        filters: Channels of each branch, and of the output.
        rates: Dilation rates of the 3x3 convolutions.
        dropout: Rate behind the projection, in [0, 1).
        activation: Keras activation of the convolution blocks.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, height, width, filters)`.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.ASPP(filters=64, rates=(6, 12, 18))
        >>> tuple(layer(np.zeros((1, 16, 16, 32))).shape)
        (1, 16, 16, 64)
    """

    def __init__(
        self,
        filters: int = 256,
        rates: Sequence[int] = (6, 12, 18),
        dropout: float = 0.0,
        activation="relu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.rates = tuple(rates)
        self.dropout = dropout
        self.activation = keras.activations.get(activation)
        options = dict(activation=self.activation, dtype=self.dtype_policy)
        self.pixel = ConvBlock(filters, name="pixel", **options)
        self.dilated = [
            ConvBlock(
                filters,
                kernel_size=3,
                dilation_rate=rate,
                name=f"dilated_{index}",
                **options,
            )
            for index, rate in enumerate(self.rates)
        ]
        self.pooled = ConvBlock(filters, name="pooled", **options)
        self.project = ConvBlock(filters, name="project", **options)
        self.drop = keras.layers.Dropout(
            dropout, dtype=self.dtype_policy, name="dropout"
        )

    def build(self, input_shape):
        for block in (self.pixel, *self.dilated, self.pooled):
            block.build(input_shape)
        branches = len(self.rates) + 2
        self.project.build((*input_shape[:-1], branches * self.filters))
        super().build(input_shape)

    def call(self, inputs, training=None):
        branches = [
            block(inputs, training=training)
            for block in (self.pixel, *self.dilated)
        ]
        # [B, H, W, C] -> [B, 1, 1, C] -> [B, H, W, filters]
        mean = ops.mean(inputs, axis=(1, 2), keepdims=True)
        mean = self.pooled(mean, training=training)
        branches.append(resize(mean, image_size(inputs)))
        x = ops.concatenate(branches, axis=-1)
        x = self.project(x, training=training)
        return self.drop(x, training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "rates": list(self.rates),
            "dropout": self.dropout,
            "activation": keras.activations.serialize(self.activation),
        }
