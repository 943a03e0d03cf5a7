"""Inference form of the MobileViTv2 block: fewer operations, none of rank 6.

A norm's scale and offset fold into the 1x1 convolution behind it, which leaves
one mean and one root a picture. (The means of single tokens can not be taken
out of what writes them, as in version 1: this norm subtracts one mean of all
positions.) Tokens stay in the order that `space_to_depth` gives, so that
unfolding is one operation, and only the query, of one channel, is transposed.
"""

from __future__ import annotations

import keras
from keras import ops

from keras_mobilevit.configs import CONTEXT_SCOPE, FOLD_SCOPE
from keras_mobilevit.layers.composite import CompositeLayer
from keras_mobilevit.layers.convolution import PACKAGE
from keras_mobilevit.layers.inference import (
    depth_to_space,
    fold_norm,
    space_to_depth,
    to_numpy,
)
from keras_mobilevit.layers.mobilevit_v2_block import (
    GROUP_NORM_EPSILON,
    MobileViTV2Block,
    SeparableTransformerLayer,
    pointwise,
)
from keras_mobilevit.layers.resizing import image_size
from keras_mobilevit.layers.transformer import allow_single_token


@keras.saving.register_keras_serializable(package=PACKAGE)
class UnitGroupNorm(keras.layers.Layer):
    """Brings a picture to mean 0 and deviation 1; has no weights.

    Input shape:
        `(batch, ..., channels)`.

    Output shape:
        Same as the input.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> tokens = np.array([[[[1.0, 3.0], [1.0, 3.0]]]])
        >>> np.asarray(layers.UnitGroupNorm()(tokens)).round(3).tolist()
        [[[[-1.0, 1.0], [-1.0, 1.0]]]]
    """

    def call(self, inputs):
        # Half precision is not enough for a sum of squares; float64 stays.
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        axes = tuple(range(1, len(x.shape)))
        x = x - ops.mean(x, axis=axes, keepdims=True)
        mean_square = ops.mean(x * x, axis=axes, keepdims=True)
        x = x * ops.rsqrt(mean_square + GROUP_NORM_EPSILON)
        return ops.cast(x, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class InferenceSeparableTransformerLayer(CompositeLayer):
    """`SeparableTransformerLayer` folded for inference, patch offset minor.

    Args:
        mlp_ratio: Hidden width of the feed-forward network over the channels.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, patches, offsets, channels)`.

    Output shape:
        Same as the input.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.InferenceSeparableTransformerLayer()
        >>> tuple(layer(np.zeros((1, 16, 4, 64))).shape)
        (1, 16, 4, 64)
    """

    def __init__(self, mlp_ratio: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.mlp_ratio = mlp_ratio

    def build(self, input_shape):
        channels, dtype = input_shape[-1], self.dtype_policy
        hidden = channels * self.mlp_ratio
        self.norm1, self.norm2 = (
            UnitGroupNorm(dtype=dtype, name=name)
            for name in ("group_norm1", "group_norm2")
        )
        # The offset of the query adds the same to all tokens, which softmax
        # ignores.
        self.query = pointwise(1, "query", dtype, use_bias=False)
        # The weights of the keys sum to 1, so the context has their whole
        # offset, and it stays with them.
        self.key = pointwise(channels, "key", dtype)
        self.value = pointwise(channels, "value", dtype, activation="relu")
        self.output_conv = pointwise(channels, "output", dtype)
        self.conv1 = pointwise(hidden, "conv1", dtype, activation="silu")
        self.conv2 = pointwise(channels, "conv2", dtype)
        for layer in (
            self.query,
            self.key,
            self.value,
            self.output_conv,
            self.conv1,
        ):
            layer.build(input_shape)
        self.conv2.build((*input_shape[:-1], hidden))
        super().build(input_shape)

    def call(self, inputs):
        x = self.norm1(inputs)
        context = self.gather(self.query(x), self.key(x))
        x = inputs + self.output_conv(self.value(x) * context)
        return x + self.conv2(self.conv1(self.norm2(x)))

    def gather(self, query, key):
        """Context `[B, 1, P, d]` of `[B, N, P, 1]` and `[B, N, P, d]`."""
        with keras.name_scope(CONTEXT_SCOPE), allow_single_token():
            # Softmax is fast over the last axis.
            scores = ops.transpose(query, (0, 3, 2, 1))
            scores = ops.softmax(scores, axis=-1)
            scores = ops.transpose(scores, (0, 3, 2, 1))
            return ops.sum(scores * key, axis=1, keepdims=True)

    def fold(self, layer: SeparableTransformerLayer) -> None:
        """Takes over the weights of a trained layer."""
        kernel, bias = _fold(layer.norm1, layer.qkv)
        channels = (len(bias) - 1) // 2
        parts = (1, channels, channels)
        start = 0
        for target, size in zip(
            (self.query, self.key, self.value), parts, strict=True
        ):
            end = start + size
            target.kernel.assign(kernel[None, None, :, start:end])
            if target.use_bias:
                target.bias.assign(bias[start:end])
            start = end
        kernel, bias = _fold(layer.norm2, layer.conv1)
        self.conv1.kernel.assign(kernel[None, None])
        self.conv1.bias.assign(bias)
        self.output_conv.set_weights(layer.output_conv.get_weights())
        self.conv2.set_weights(layer.conv2.get_weights())

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mlp_ratio": self.mlp_ratio}


@keras.saving.register_keras_serializable(package=PACKAGE)
class InferenceMobileViTV2Block(MobileViTV2Block):
    """`MobileViTV2Block` folded for inference; same arguments, same function.

    Made by `keras_mobilevit.reparameterize`, or from one block with
    `from_block`. It can not be trained on: gradients would leave the folded
    form.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> block = layers.MobileViTV2Block(projection_dim=16)
        >>> features = np.random.default_rng(0).normal(size=(1, 8, 8, 12))
        >>> expected = block(features)
        >>> folded = layers.InferenceMobileViTV2Block.from_block(block)
        >>> np.allclose(folded(features), expected, atol=1e-4)
        True
    """

    @classmethod
    def from_block(cls, block: MobileViTV2Block) -> InferenceMobileViTV2Block:
        """Returns the inference form of a built block.

        Raises:
            ValueError: If the block has no weights yet, or is folded already.
        """
        if isinstance(block, cls):
            raise ValueError(f"The block {block.name!r} is folded already.")
        if not block.built:
            raise ValueError(
                f"The block {block.name!r} has no weights yet. Build it, or "
                "call it on an input, before it is folded."
            )
        folded = cls.from_config(block.get_config())
        folded.build((None, None, None, block.project_out.filters))
        folded.fold(block)
        return folded

    def _make_transformer(self):
        return [
            InferenceSeparableTransformerLayer(
                mlp_ratio=self.mlp_ratio,
                dtype=self.dtype_policy,
                name=f"transformer_{index}",
            )
            for index in range(self.depth)
        ]

    def _make_norm(self, name):
        return UnitGroupNorm(dtype=self.dtype_policy, name=f"group_{name}")

    def attend(self, x, training=None):
        height, width = image_size(x)
        p, dim = self.patch_size, x.shape[-1]
        rows, cols = height // p, width // p
        x = space_to_depth(x, p)  # [B, H/p, W/p, P*d]
        x = ops.reshape(x, (-1, rows * cols, p * p, dim))
        for layer in self.transformer:
            x = layer(x)
        x = self.norm(x)
        with keras.name_scope(FOLD_SCOPE):
            x = ops.reshape(x, (-1, rows, cols, p * p * dim))
            return depth_to_space(x, p)

    def fold(self, block: MobileViTV2Block) -> None:
        """Takes over the weights of a trained block."""
        self.local.set_weights(block.local.get_weights())
        self.project_in.set_weights(block.project_in.get_weights())
        for target, source in zip(
            self.transformer, block.transformer, strict=True
        ):
            target.fold(source)

        # The last norm folds into the 1x1 convolution, its offset into the
        # mean of the batch normalization behind that.
        source, target = block.project_out, self.project_out
        target.norm.set_weights(source.norm.get_weights())
        kernel = to_numpy(source.conv.kernel)
        folded, offset = fold_norm(block.norm, kernel[0, 0], 0.0)
        target.conv.kernel.assign(folded[None, None])
        target.norm.moving_mean.assign(
            to_numpy(source.norm.moving_mean) - offset
        )


def _fold(norm, convolution):
    """`(in, out)` kernel and bias of a 1x1 convolution with the norm in it."""
    return fold_norm(
        norm, to_numpy(convolution.kernel)[0, 0], to_numpy(convolution.bias)
    )
