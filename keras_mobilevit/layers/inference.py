"""Inference forms: the same numbers from fewer and cheaper operations.

Every reader of a transformer's residual stream is a layer normalization, which
ignores a constant added to all channels of a token. So the channel mean can be
taken out of every *writer* of the stream (`project_in`, the attention output,
the second dense). Then the mean is zero, layer normalization is RMS
normalization, and its scale and offset fold into the layer that follows. The
stream begins and ends inside one block, so each block is folded alone.

Tokens stay in the order that `space_to_depth` gives (patch offset minor), and
one transpose serves as both the unfolding and the split into heads.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_mobilevit.configs import FOLD_SCOPE
from keras_mobilevit.layers.composite import CompositeLayer
from keras_mobilevit.layers.convolution import PACKAGE
from keras_mobilevit.layers.mobilevit_block import MobileViTBlock
from keras_mobilevit.layers.resizing import image_size
from keras_mobilevit.layers.transformer import (
    LAYER_NORM_EPSILON,
    TransformerLayer,
    allow_single_token,
)


@keras.saving.register_keras_serializable(package=PACKAGE)
class UnitRMSNorm(keras.layers.Layer):
    """Divides each token by its root mean square; has no weights.

    Input shape:
        `(..., channels)`.

    Output shape:
        Same as the input.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> tokens = np.array([[3.0, 3.0, 3.0, 3.0]])
        >>> np.asarray(layers.UnitRMSNorm()(tokens)).round(3).tolist()
        [[1.0, 1.0, 1.0, 1.0]]
    """

    def call(self, inputs):
        # Half precision is not enough for a sum of squares; float64 stays.
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean_square = ops.mean(x * x, axis=-1, keepdims=True)
        x = x * ops.rsqrt(mean_square + LAYER_NORM_EPSILON)
        return ops.cast(x, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class InferenceTransformerLayer(CompositeLayer):
    """`TransformerLayer` folded for inference, over patch-minor tokens.

    Args:
        num_heads: Attention heads.
        mlp_ratio: Hidden width of the feed-forward network over the channels.
        patch_area: Number P of pixels in a patch.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, patches * patch_area, channels)`, offset in the patch minor.

    Output shape:
        Same as the input.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.InferenceTransformerLayer(
        ...     num_heads=4, mlp_ratio=2, patch_area=4
        ... )
        >>> tuple(layer(np.zeros((1, 16 * 4, 32))).shape)
        (1, 64, 32)
    """

    def __init__(
        self, num_heads: int, mlp_ratio: int, patch_area: int, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.patch_area = patch_area

    def build(self, input_shape):
        channels = input_shape[-1]
        self.norm1, self.norm2 = (
            UnitRMSNorm(dtype=self.dtype_policy, name=name)
            for name in ("rms_norm1", "rms_norm2")
        )
        self.query, self.output_dense, self.dense2 = (
            keras.layers.Dense(channels, dtype=self.dtype_policy, name=name)
            for name in ("query", "output", "dense2")
        )
        self.key, self.value = (
            keras.layers.Dense(
                channels, use_bias=False, dtype=self.dtype_policy, name=name
            )
            for name in ("key", "value")
        )
        self.dense1 = keras.layers.Dense(
            channels * self.mlp_ratio,
            activation="silu",
            dtype=self.dtype_policy,
            name="dense1",
        )
        for layer in (
            self.query,
            self.key,
            self.value,
            self.output_dense,
            self.dense1,
        ):
            layer.build(input_shape)
        self.dense2.build((*input_shape[:-1], channels * self.mlp_ratio))
        super().build(input_shape)

    def call(self, inputs):
        x = self.norm1(inputs)
        x = self.attend(self.query(x), self.key(x), self.value(x))
        x = inputs + self.output_dense(x)
        return x + self.dense2(self.dense1(self.norm2(x)))

    def attend(self, query, key, value):
        """Scaled attention of `[B, N*P, d]` tokens, per offset and head.

        The scale is folded into the query. Keys and values are laid out so
        that both products contract the last axis, the faster form in int8.
        """
        batch, tokens, channels = query.shape
        if tokens is None:
            tokens = ops.shape(query)[1]
        groups = self.patch_area * self.num_heads
        split = (
            -1,
            tokens // self.patch_area,
            groups,
            channels // self.num_heads,
        )
        # [B, N*P, d] -> [B, N, P*heads, d/heads] -> [B, P*heads, N, d/heads]
        query, key, value = (
            ops.transpose(ops.reshape(x, split), axes)
            for x, axes in (
                (query, (0, 2, 1, 3)),
                (key, (0, 2, 1, 3)),
                (value, (0, 2, 3, 1)),  # [B, P*heads, d/heads, N]
            )
        )
        with allow_single_token():
            scores = ops.softmax(matmul_transposed(query, key), axis=-1)
        x = matmul_transposed(scores, value)
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (-1, tokens, channels))

    def fold(self, layer: TransformerLayer) -> None:
        """Takes over the weights of a trained layer."""
        attention = layer.attention
        (query, query_bias), (key, _), (value, value_bias) = (
            fold_norm(
                layer.norm1,
                to_numpy(dense.kernel).reshape(dense.kernel.shape[0], -1),
                to_numpy(dense.bias).reshape(-1),
            )
            for dense in (
                attention.query_dense,
                attention.key_dense,
                attention.value_dense,
            )
        )
        scale = attention.key_dim**-0.5
        assign(self.query, query * scale, query_bias * scale)
        # The offset of the keys adds the same to all scores of a query, which
        # softmax ignores.
        self.key.kernel.assign(key)
        # The weights of a query sum to 1, so each output has the whole offset
        # of the values.
        self.value.kernel.assign(value)
        output = attention.output_dense
        kernel = to_numpy(output.kernel).reshape(len(value_bias), -1)
        bias = to_numpy(output.bias) + value_bias @ kernel
        assign(self.output_dense, centre(kernel), centre(bias))
        assign(
            self.dense1,
            *fold_norm(
                layer.norm2,
                to_numpy(layer.dense1.kernel),
                to_numpy(layer.dense1.bias),
            ),
        )
        assign(
            self.dense2,
            centre(to_numpy(layer.dense2.kernel)),
            centre(to_numpy(layer.dense2.bias)),
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "mlp_ratio": self.mlp_ratio,
            "patch_area": self.patch_area,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class InferenceMobileViTBlock(MobileViTBlock):
    """`MobileViTBlock` folded for inference; same arguments, same function.

    Made by `keras_mobilevit.reparameterize`, or from one block with
    `from_block`. It can not be trained on: gradients would leave the folded
    form.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> block = layers.MobileViTBlock(projection_dim=16)
        >>> features = np.random.default_rng(0).normal(size=(1, 8, 8, 12))
        >>> expected = block(features)
        >>> folded = layers.InferenceMobileViTBlock.from_block(block)
        >>> np.allclose(folded(features), expected, atol=1e-4)
        True
    """

    @classmethod
    def from_block(cls, block: MobileViTBlock) -> InferenceMobileViTBlock:
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
        folded.build((None, None, None, block.fusion.filters))
        folded.fold(block)
        return folded

    def _make_transformer(self):
        return [
            InferenceTransformerLayer(
                num_heads=self.num_heads,
                mlp_ratio=self.mlp_ratio,
                patch_area=self.patch_size**2,
                dtype=self.dtype_policy,
                name=f"transformer_{index}",
            )
            for index in range(self.depth)
        ]

    def _make_norm(self, name):
        return UnitRMSNorm(dtype=self.dtype_policy, name=f"rms_{name}")

    def attend(self, x, training=None):
        height, width = image_size(x)
        p, dim = self.patch_size, x.shape[-1]
        x = space_to_depth(x, p)  # [B, H/p, W/p, P*d]
        x = ops.reshape(x, (-1, height * width, dim))  # offset minor
        for layer in self.transformer:
            x = layer(x)
        x = self.norm(x)
        with keras.name_scope(FOLD_SCOPE):
            x = ops.reshape(x, (-1, height // p, width // p, p * p * dim))
            return depth_to_space(x, p)

    def fold(self, block: MobileViTBlock) -> None:
        """Takes over the weights of a trained block."""
        for name in ("local", "fusion"):
            getattr(self, name).set_weights(getattr(block, name).get_weights())
        self.project_in.kernel.assign(centre(to_numpy(block.project_in.kernel)))
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


def matmul_transposed(a, b):
    """`a @ bᵀ` over the last two axes."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # One operation, where a transpose of `b` would add one.
        return tf.matmul(a, b, transpose_b=True)
    return ops.matmul(a, ops.swapaxes(b, -1, -2))


def space_to_depth(x, block_size: int):
    """`[B, H, W, C]` -> `[B, H/b, W/b, b*b*C]`, offset major over channel."""
    if block_size == 1:
        return x  # TensorFlow's operation begins at 2.
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.nn.space_to_depth(x, block_size)
    height, width = image_size(x)
    b, channels = block_size, x.shape[-1]
    rows, cols = height // b, width // b
    x = ops.reshape(x, (-1, rows, b, cols, b, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, rows, cols, b * b * channels))


def depth_to_space(x, block_size: int):
    """Inverse of `space_to_depth`."""
    if block_size == 1:
        return x
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.nn.depth_to_space(x, block_size)
    rows, cols = image_size(x)
    b = block_size
    channels = x.shape[-1] // (b * b)
    x = ops.reshape(x, (-1, rows, cols, b, b, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, rows * b, cols * b, channels))


def to_numpy(variable):
    """A variable in float64, so that folding adds no rounding of its own."""
    return np.asarray(ops.convert_to_numpy(variable.value), np.float64)


def centre(array):
    """Takes the mean over the output channels away."""
    return array - array.mean(axis=-1, keepdims=True)


def fold_norm(norm, kernel, bias):
    """Folds a norm's scale and offset into the `(in, out)` dense behind it."""
    gamma, beta = to_numpy(norm.gamma), to_numpy(norm.beta)
    return gamma[:, None] * kernel, bias + beta @ kernel


def assign(dense, kernel, bias):
    dense.kernel.assign(kernel)
    dense.bias.assign(bias)
