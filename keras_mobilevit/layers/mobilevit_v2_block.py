"""The MobileViTv2 block: convolutions around separable self-attention."""

from __future__ import annotations

import keras
from keras import ops

from keras_mobilevit.layers.composite import CompositeLayer
from keras_mobilevit.layers.convolution import PACKAGE, ConvBlock
from keras_mobilevit.layers.mobilevit_block import fold, unfold
from keras_mobilevit.layers.resizing import image_size, resize_aligned
from keras_mobilevit.layers.transformer import allow_single_token

GROUP_NORM_EPSILON = 1e-5


def pointwise(filters: int, name: str, dtype, **options) -> keras.layers.Layer:
    """A 1x1 convolution, drawn as the reference code draws it."""
    return keras.layers.Conv2D(
        filters,
        1,
        data_format="channels_last",
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        dtype=dtype,
        name=name,
        **options,
    )


def whole_norm(name: str, dtype) -> keras.layers.Layer:
    """Normalization over positions and channels together, per picture."""
    return keras.layers.GroupNormalization(
        1, epsilon=GROUP_NORM_EPSILON, dtype=dtype, name=name
    )


@keras.saving.register_keras_serializable(package=PACKAGE)
class SeparableTransformerLayer(CompositeLayer):
    """Pre-norm separable self-attention and feed-forward network.

    One query for all tokens weighs their keys into a context vector, which
    gates the values: `project(relu(value) * sum(softmax(query) * key))`. The
    cost grows with the number of tokens, not with its square. Softmax and sum
    run over the tokens of one offset in the patches. Norms are of all
    positions and channels of a picture together.
    Source: Section 3.2 of arXiv 2206.02680.

    Args:
        mlp_ratio: Hidden width of the feed-forward network over the channels.
        dropout: Rate after attention and after the feed-forward network, in
            [0, 1).
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, offsets, patches, channels)`.

    Output shape:
        Same as the input.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.SeparableTransformerLayer()
        >>> tuple(layer(np.zeros((1, 4, 16, 64))).shape)
        (1, 4, 16, 64)
    """

    def __init__(self, mlp_ratio: int = 2, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.mlp_ratio = mlp_ratio
        self.dropout = dropout

    def build(self, input_shape):
        channels, dtype = input_shape[-1], self.dtype_policy
        hidden = channels * self.mlp_ratio
        self.norm1 = whole_norm("norm1", dtype)
        # Query, key and value, in this order.
        self.qkv = pointwise(1 + 2 * channels, "qkv", dtype)
        self.output_conv = pointwise(channels, "output", dtype)
        self.norm2 = whole_norm("norm2", dtype)
        self.conv1 = pointwise(hidden, "conv1", dtype, activation="silu")
        self.conv2 = pointwise(channels, "conv2", dtype)
        self.drop = keras.layers.Dropout(
            self.dropout, dtype=dtype, name="dropout"
        )
        for layer in (
            self.norm1,
            self.qkv,
            self.output_conv,
            self.norm2,
            self.conv1,
        ):
            layer.build(input_shape)
        self.conv2.build((*input_shape[:-1], hidden))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = self.attend(self.norm1(inputs))
        x = inputs + self.drop(x, training=training)
        y = self.conv2(self.conv1(self.norm2(x)))
        return x + self.drop(y, training=training)

    def attend(self, x):
        channels = x.shape[-1]
        query, key, value = ops.split(self.qkv(x), (1, 1 + channels), axis=-1)
        with allow_single_token():
            scores = ops.softmax(query, axis=2)
        context = ops.sum(scores * key, axis=2, keepdims=True)
        return self.output_conv(ops.relu(value) * context)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "mlp_ratio": self.mlp_ratio,
            "dropout": self.dropout,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class MobileViTV2Block(CompositeLayer):
    """Local convolutions, then separable attention over patches.

    1. local: 3x3 depthwise convolution block, then a linear 1x1 convolution to
       `projection_dim` channels;
    2. global: unfold into patches, `depth` transformer layers, a norm, fold;
    3. 1x1 convolution block back to the input's channels, without activation.

    Unlike `MobileViTBlock` it has neither a concatenation nor a second 3x3
    convolution. A feature map whose sides are no multiples of the patch is
    resized up to the next multiple first, and stays so.
    Source: Section 3.3 of arXiv 2206.02680.

    Args:
        projection_dim: Width d of the tokens.
        depth: Number L of transformer layers.
        mlp_ratio: Hidden width of the feed-forward network over d.
        patch_size: Side of a patch, in pixels.
        dilation_rate: Dilation of the depthwise convolution.
        dropout: Rate inside the transformer layers, in [0, 1).
        activation: Keras activation of the depthwise convolution block.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        The same, with sides rounded up to multiples of the patch.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.MobileViTV2Block(projection_dim=64, depth=2)
        >>> tuple(layer(np.zeros((1, 8, 7, 48))).shape)
        (1, 8, 8, 48)
    """

    def __init__(
        self,
        projection_dim: int,
        depth: int = 2,
        mlp_ratio: int = 2,
        patch_size: int = 2,
        dilation_rate: int = 1,
        dropout: float = 0.0,
        activation="silu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.projection_dim = projection_dim
        self.depth = depth
        self.mlp_ratio = mlp_ratio
        self.patch_size = patch_size
        self.dilation_rate = dilation_rate
        self.dropout = dropout
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        channels, dtype = input_shape[-1], self.dtype_policy
        self.local = ConvBlock(
            None,
            kernel_size=3,
            dilation_rate=self.dilation_rate,
            activation=self.activation,
            dtype=dtype,
            name="local",
        )
        self.project_in = pointwise(
            self.projection_dim, "project_in", dtype, use_bias=False
        )
        self.transformer = self._make_transformer()
        self.norm = self._make_norm("norm")
        self.project_out = ConvBlock(
            channels, activation=None, dtype=dtype, name="project_out"
        )
        tokens = (None, None, None, self.projection_dim)
        self.local.build(input_shape)
        self.project_in.build(input_shape)
        for layer in (*self.transformer, self.norm):
            layer.build(tokens)
        self.project_out.build((*input_shape[:-1], self.projection_dim))
        super().build(input_shape)

    def _make_transformer(self):
        return [
            SeparableTransformerLayer(
                mlp_ratio=self.mlp_ratio,
                dropout=self.dropout,
                dtype=self.dtype_policy,
                name=f"transformer_{index}",
            )
            for index in range(self.depth)
        ]

    def _make_norm(self, name):
        return whole_norm(name, self.dtype_policy)

    def call(self, inputs, training=None):
        p = self.patch_size
        size = tuple(-(-side // p) * p for side in image_size(inputs))
        x = resize_aligned(inputs, size)

        # [B, H, W, C] -> [B, H, W, d], attending over patches
        x = self.project_in(self.local(x, training=training))
        x = self.attend(x, training=training)

        # [B, H, W, d] -> [B, H, W, C]
        return self.project_out(x, training=training)

    def attend(self, x, training=None):
        """Runs the transformer over `[B, H, W, d]`; p divides H and W."""
        size, dim = image_size(x), x.shape[-1]
        area = self.patch_size**2
        patches = (size[0] * size[1]) // area
        x = unfold(x, self.patch_size)
        x = ops.reshape(x, (-1, area, patches, dim))
        for layer in self.transformer:
            x = layer(x, training=training)
        return fold(self.norm(x), size, self.patch_size)

    def compute_output_shape(self, input_shape):
        p = self.patch_size
        batch, height, width, channels = input_shape
        height, width = (
            None if side is None else -(-side // p) * p
            for side in (height, width)
        )
        return (batch, height, width, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "projection_dim": self.projection_dim,
            "depth": self.depth,
            "mlp_ratio": self.mlp_ratio,
            "patch_size": self.patch_size,
            "dilation_rate": self.dilation_rate,
            "dropout": self.dropout,
            "activation": keras.activations.serialize(self.activation),
        }
