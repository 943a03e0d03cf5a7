"""The MobileViT block: convolutions around a transformer over patches."""

from __future__ import annotations

import keras
from keras import ops

from keras_mobilevit.layers.composite import CompositeLayer
from keras_mobilevit.layers.convolution import PACKAGE, ConvBlock
from keras_mobilevit.layers.resizing import image_size, resize
from keras_mobilevit.layers.transformer import (
    LAYER_NORM_EPSILON,
    TransformerLayer,
)


def unfold(x, patch_size: int):
    """Cuts a feature map into tokens that attend across patches.

    Token n of sequence p is the pixel at offset p of patch n: pixels at the
    same offset see each other, the offsets never mix.

    Args:
        x: Feature map `[B, H, W, d]`; `patch_size` divides H and W.
        patch_size: Side of a patch, in pixels.

    Returns:
        Tokens `[B*P, N, d]` with P = patch_size², N = H*W / P.
    """
    height, width = image_size(x)
    p, dim = patch_size, x.shape[-1]
    rows, cols = height // p, width // p
    x = ops.reshape(x, (-1, rows, p, cols, p, dim))
    x = ops.transpose(x, (0, 2, 4, 1, 3, 5))  # [B, p, p, rows, cols, d]
    return ops.reshape(x, (-1, rows * cols, dim))


def fold(x, size, patch_size: int):
    """Inverse of `unfold`.

    Args:
        x: Tokens `[B*P, N, d]`.
        size: `(height, width)` of the feature map.
        patch_size: Side of a patch, in pixels.

    Returns:
        Feature map `[B, height, width, d]`.
    """
    height, width = size
    p, dim = patch_size, x.shape[-1]
    x = ops.reshape(x, (-1, p, p, height // p, width // p, dim))
    x = ops.transpose(x, (0, 3, 1, 4, 2, 5))  # [B, rows, p, cols, p, d]
    return ops.reshape(x, (-1, height, width, dim))


@keras.saving.register_keras_serializable(package=PACKAGE)
class MobileViTBlock(CompositeLayer):
    """Local convolutions, global attention over patches, fusion.

    1. local: 3x3 convolution block, then a linear 1x1 convolution to
       `projection_dim` channels;
    2. global: unfold into patches, `depth` transformer layers, layer
       normalization, fold;
    3. fusion: 1x1 convolution block back to the input's channels, concatenated
       *behind* the block's input, then a 3x3 convolution block.

    A feature map whose sides are no multiples of the patch is resized up to
    the next multiple in front of `unfold`, and back behind `fold`.
    Source: Section 3.1 and Figure 1b of arXiv 2110.02178.

    Args:
        projection_dim: Width d of the tokens.
        depth: Number L of transformer layers.
        num_heads: Attention heads.
        mlp_ratio: Hidden width of the feed-forward network over d.
        patch_size: Side of a patch, in pixels.
        dropout: Rate inside the transformer layers, in [0, 1).
        activation: Keras activation of the convolution blocks.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        Same as the input.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.MobileViTBlock(projection_dim=64, depth=2)
        >>> tuple(layer(np.zeros((1, 8, 8, 48))).shape)
        (1, 8, 8, 48)
    """

    def __init__(
        self,
        projection_dim: int,
        depth: int = 2,
        num_heads: int = 4,
        mlp_ratio: int = 2,
        patch_size: int = 2,
        dropout: float = 0.0,
        activation="silu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.projection_dim = projection_dim
        self.depth = depth
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.patch_size = patch_size
        self.dropout = dropout
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        channels = input_shape[-1]
        options = dict(activation=self.activation, dtype=self.dtype_policy)
        self.local = ConvBlock(channels, kernel_size=3, name="local", **options)
        self.project_in = keras.layers.Conv2D(
            self.projection_dim,
            1,
            use_bias=False,
            data_format="channels_last",
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, mode="fan_out", distribution="untruncated_normal"
            ),
            dtype=self.dtype_policy,
            name="project_in",
        )
        self.transformer = self._make_transformer()
        self.norm = self._make_norm("norm")
        self.project_out = ConvBlock(channels, name="project_out", **options)
        self.fusion = ConvBlock(
            channels, kernel_size=3, name="fusion", **options
        )

        maps = (*input_shape[:-1], self.projection_dim)
        tokens = (None, None, self.projection_dim)
        self.local.build(input_shape)
        self.project_in.build(input_shape)
        for layer in (*self.transformer, self.norm):
            layer.build(tokens)
        self.project_out.build(maps)
        self.fusion.build((*input_shape[:-1], 2 * channels))
        super().build(input_shape)

    def _make_transformer(self):
        return [
            TransformerLayer(
                num_heads=self.num_heads,
                mlp_ratio=self.mlp_ratio,
                dropout=self.dropout,
                dtype=self.dtype_policy,
                name=f"transformer_{index}",
            )
            for index in range(self.depth)
        ]

    def _make_norm(self, name):
        return keras.layers.LayerNormalization(
            epsilon=LAYER_NORM_EPSILON, dtype=self.dtype_policy, name=name
        )

    def call(self, inputs, training=None):
        # [B, H, W, C] -> [B, H, W, d]
        x = self.project_in(self.local(inputs, training=training))

        # [B, H, W, d] -> [B, H, W, d], attending over patches
        size, p = image_size(x), self.patch_size
        padded_size = tuple(-(-side // p) * p for side in size)
        x = resize(x, padded_size)
        x = self.attend(x, training=training)
        x = resize(x, size)

        # [B, H, W, d] -> [B, H, W, C]
        x = self.project_out(x, training=training)
        x = ops.concatenate([inputs, x], axis=-1)
        return self.fusion(x, training=training)

    def attend(self, x, training=None):
        """Runs the transformer over `[B, H, W, d]`; p divides H and W."""
        size = image_size(x)
        x = unfold(x, self.patch_size)
        for layer in self.transformer:
            x = layer(x, training=training)
        return fold(self.norm(x), size, self.patch_size)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "projection_dim": self.projection_dim,
            "depth": self.depth,
            "num_heads": self.num_heads,
            "mlp_ratio": self.mlp_ratio,
            "patch_size": self.patch_size,
            "dropout": self.dropout,
            "activation": keras.activations.serialize(self.activation),
        }
