"""The convolution block of the detector's own layers."""

from __future__ import annotations

import keras

from keras_mobilevit.layers.convolution import PACKAGE, ConvBlock


@keras.saving.register_keras_serializable(package=PACKAGE)
class SSDConvBlock(ConvBlock):
    """`ConvBlock` as the authors' detector has it.

    Its activation is ReLU, not the SiLU of the backbone, and its kernel is
    drawn from Glorot's uniform distribution.

    Args:
        filters: As in `ConvBlock`, as are the others.
        kernel_size: Side of the square kernel, odd.
        strides: Stride along height and width.
        dilation_rate: Dilation along height and width.
        activation: Keras activation, or `None` for a linear output.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> block = detection.SSDConvBlock(64, kernel_size=3, strides=2)
        >>> tuple(block(np.zeros((1, 10, 10, 32))).shape)
        (1, 5, 5, 64)
    """

    def __init__(
        self,
        filters: int | None,
        kernel_size: int = 1,
        strides: int = 1,
        dilation_rate: int = 1,
        activation="relu",
        **kwargs,
    ):
        super().__init__(
            filters, kernel_size, strides, dilation_rate, activation, **kwargs
        )
        initializer = keras.initializers.GlorotUniform()
        if filters is None:
            self.conv.depthwise_initializer = initializer
        else:
            self.conv.kernel_initializer = initializer
