"""Convolution blocks: conv-norm-activation and the inverted residual.

Everything is channels-last and padded as the published weights were trained:
zeros on all four sides. Keras' `padding="same"` pads a strided convolution on
the bottom and right only, which shifts the image by a pixel.
"""

from __future__ import annotations

import keras

from keras_mobilevit.layers.batch_normalization import BatchNormalization
from keras_mobilevit.layers.composite import CompositeLayer

PACKAGE = "keras_mobilevit"


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConvBlock(CompositeLayer):
    """2D convolution without bias, batch normalization, activation.

    Source: Section 3.1 of arXiv 2110.02178; padding, epsilon and momentum as
    in the code that trained the published weights.

    Args:
        filters: Output channels; `None` makes the convolution depthwise and
            keeps the channels of the input.
        kernel_size: Side of the square kernel, odd.
        strides: Stride along height and width.
        dilation_rate: Dilation along height and width.
        activation: Keras activation, or `None` for a linear output.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.ConvBlock(16, kernel_size=3, strides=2)
        >>> tuple(layer(np.zeros((1, 33, 33, 3))).shape)
        (1, 17, 17, 16)
    """

    def __init__(
        self,
        filters: int | None,
        kernel_size: int = 1,
        strides: int = 1,
        dilation_rate: int = 1,
        activation="silu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(
                "`kernel_size` must be odd, so that the padding is symmetric. "
                f"Received: kernel_size={kernel_size}"
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.activation = keras.activations.get(activation)

        # With stride 1, "same" already pads all sides alike.
        explicit = strides > 1 and kernel_size > 1
        self.pad = None
        if explicit:
            self.pad = keras.layers.ZeroPadding2D(
                dilation_rate * (kernel_size // 2),
                data_format="channels_last",
                dtype=self.dtype_policy,
                name="pad",
            )
        options = dict(
            kernel_size=kernel_size,
            strides=strides,
            dilation_rate=dilation_rate,
            padding="valid" if explicit else "same",
            use_bias=False,
            data_format="channels_last",
            dtype=self.dtype_policy,
            name="conv",
        )
        # The reference code draws kaiming normal over PyTorch's fan-out. For a
        # depthwise kernel that is what Keras calls the fan-in.
        initializer = keras.initializers.VarianceScaling(
            2.0,
            mode="fan_in" if filters is None else "fan_out",
            distribution="untruncated_normal",
        )
        if filters is None:
            self.conv = keras.layers.DepthwiseConv2D(
                depthwise_initializer=initializer, **options
            )
        else:
            self.conv = keras.layers.Conv2D(
                filters, kernel_initializer=initializer, **options
            )
        self.norm = BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy, name="norm"
        )

    def build(self, input_shape):
        self.conv.build(self._padded(input_shape))
        self.norm.build(self.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs if self.pad is None else self.pad(inputs)
        x = self.norm(self.conv(x), training=training)
        return self.activation(x)

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(self._padded(input_shape))

    def _padded(self, shape):
        if self.pad is None:
            return shape
        return self.pad.compute_output_shape(shape)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class InvertedResidual(CompositeLayer):
    """MobileNetV2 block: 1x1 expand, 3x3 depthwise, linear 1x1 reduce.

    The input is added to the output iff the stride is 1 and the channels
    agree. Source: "MV2" in Figure 1b of arXiv 2110.02178.

    Args:
        filters: Output channels.
        expansion: Factor from input channels to hidden channels.
        strides: Stride of the depthwise convolution.
        dilation_rate: Dilation of the depthwise convolution.
        activation: Keras activation after the first two convolutions.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> layer = layers.InvertedResidual(24, expansion=2, strides=2)
        >>> tuple(layer(np.zeros((1, 32, 32, 16))).shape)
        (1, 16, 16, 24)
    """

    def __init__(
        self,
        filters: int,
        expansion: int = 4,
        strides: int = 1,
        dilation_rate: int = 1,
        activation="silu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.expansion = expansion
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        channels = input_shape[-1]
        self.expand = ConvBlock(
            channels * self.expansion,
            activation=self.activation,
            dtype=self.dtype_policy,
            name="expand",
        )
        self.depthwise = ConvBlock(
            None,
            kernel_size=3,
            strides=self.strides,
            dilation_rate=self.dilation_rate,
            activation=self.activation,
            dtype=self.dtype_policy,
            name="depthwise",
        )
        self.reduce = ConvBlock(
            self.filters,
            activation=None,
            dtype=self.dtype_policy,
            name="reduce",
        )
        self.has_shortcut = self.strides == 1 and channels == self.filters
        shape = input_shape
        for block in (self.expand, self.depthwise, self.reduce):
            block.build(shape)
            shape = block.compute_output_shape(shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = self.expand(inputs, training=training)
        x = self.depthwise(x, training=training)
        x = self.reduce(x, training=training)
        return inputs + x if self.has_shortcut else x

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        # Symmetric padding makes every output side ceil(side / strides).
        height, width = (
            None if side is None else -(-side // self.strides)
            for side in (height, width)
        )
        return (batch, height, width, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "expansion": self.expansion,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
        }
