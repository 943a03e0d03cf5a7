"""The pre-norm transformer layer inside a MobileViT block."""

from __future__ import annotations

import contextlib
import warnings

import keras

from keras_mobilevit.layers.composite import CompositeLayer
from keras_mobilevit.layers.convolution import PACKAGE

LAYER_NORM_EPSILON = 1e-5


def token_initializer():
    """Initializer of every dense kernel on tokens (reference ImageNet code)."""
    return keras.initializers.RandomNormal(stddev=0.02)


@contextlib.contextmanager
def allow_single_token():
    """Silences Keras' warning of a softmax over one element.

    The smallest images end in a map of one patch, where attention rightly
    gives its only token the weight one.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*using a softmax over axis", module="keras"
        )
        yield


@keras.saving.register_keras_serializable(package=PACKAGE)
class TransformerLayer(CompositeLayer):
    """Pre-norm self-attention and feed-forward network, both residual.

    `x += dropout(attention(norm(x)))`, then
    `x += dropout(dense(silu(dense(norm(x)))))`. The activation is SiLU, not
    GELU; there is no positional embedding and no mask.
    Source: Section 3.1 of arXiv 2110.02178.

    Args:
        num_heads: Attention heads; must divide the channels of the input.
        mlp_ratio: Hidden width of the feed-forward network over the channels.
        dropout: Rate after attention and after the feed-forward network, in
            [0, 1).
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, tokens, channels)`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If `num_heads` does not divide the channels.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.TransformerLayer(num_heads=4)
        >>> tuple(layer(np.zeros((1, 16, 64))).shape)
        (1, 16, 64)
    """

    def __init__(
        self,
        num_heads: int = 4,
        mlp_ratio: int = 2,
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.dropout = dropout

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the channels of the input. Received: "
                f"num_heads={self.num_heads}, channels={channels}"
            )
        dtype = self.dtype_policy
        self.norm1, self.norm2 = (
            keras.layers.LayerNormalization(
                epsilon=LAYER_NORM_EPSILON, dtype=dtype, name=name
            )
            for name in ("norm1", "norm2")
        )
        self.attention = keras.layers.MultiHeadAttention(
            self.num_heads,
            channels // self.num_heads,
            kernel_initializer=token_initializer(),
            dtype=dtype,
            name="attention",
        )
        self.dense1, self.dense2 = (
            keras.layers.Dense(
                units,
                activation=activation,
                kernel_initializer=token_initializer(),
                dtype=dtype,
                name=name,
            )
            for units, activation, name in (
                (channels * self.mlp_ratio, "silu", "dense1"),
                (channels, None, "dense2"),
            )
        )
        self.drop = keras.layers.Dropout(
            self.dropout, dtype=dtype, name="dropout"
        )
        for norm in (self.norm1, self.norm2):
            norm.build(input_shape)
        self.attention.build(input_shape, input_shape)
        self.dense1.build(input_shape)
        self.dense2.build((*input_shape[:-1], channels * self.mlp_ratio))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = self.norm1(inputs)
        with allow_single_token():
            x = self.attention(x, x, training=training)
        x = inputs + self.drop(x, training=training)
        y = self.dense2(self.dense1(self.norm2(x)))
        return x + self.drop(y, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "mlp_ratio": self.mlp_ratio,
            "dropout": self.dropout,
        }
