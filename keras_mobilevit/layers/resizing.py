"""Bilinear resizing of feature maps, for static and dynamic sizes."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_mobilevit.layers.convolution import PACKAGE


def image_size(x):
    """Height and width of `[B, H, W, ...]`, static where they are known."""
    dynamic = ops.shape(x)
    return tuple(
        dynamic[axis] if x.shape[axis] is None else x.shape[axis]
        for axis in (1, 2)
    )


def resize(x, size):
    """Bilinear resize with half-pixel centres, the identity if nothing moves.

    Args:
        x: Feature map `[B, H, W, C]`.
        size: Target `(height, width)`.

    Returns:
        Feature map `[B, height, width, C]` in the dtype of `x`.
    """
    if not all(isinstance(side, int) for side in size):
        # Sizes unknown until run time exist in TensorFlow graphs only, and
        # the operation of Keras does not take them.
        import tensorflow as tf

        return tf.cast(tf.image.resize(x, size, "bilinear"), x.dtype)
    if tuple(x.shape[1:3]) == tuple(size):
        return x
    resized = ops.image.resize(
        x,
        size,
        interpolation="bilinear",
        antialias=False,
        data_format="channels_last",
    )
    return ops.cast(resized, x.dtype)


def resize_aligned(x, size):
    """As `resize`, but with the corner pixels on each other.

    That is PyTorch's `align_corners=True`, which `keras.ops` lacks. Along each
    axis an output pixel is a weighted mean of at most two neighbours, so it is
    two products with constant matrices.

    Args:
        x: Feature map `[B, H, W, C]`.
        size: Target `(height, width)`.

    Returns:
        Feature map `[B, height, width, C]` in the dtype of `x`.
    """
    if tuple(x.shape[1:3]) == tuple(size):
        return x
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # One operation, for sizes unknown until run time and in TFLite too.
        resized = tf.raw_ops.ResizeBilinear(
            images=x, size=size, align_corners=True
        )
        return tf.cast(resized, x.dtype)
    rows, cols = (
        ops.convert_to_tensor(_interpolation(*sides), x.dtype)
        for sides in zip(x.shape[1:3], size, strict=True)
    )
    x = ops.einsum("oi,bijc->bojc", rows, x)
    return ops.einsum("oj,bijc->bioc", cols, x)


def _interpolation(size, new_size):
    """Matrix `(new_size, size)` of linear interpolation, corners aligned."""
    position = np.linspace(0, size - 1, new_size)
    distance = np.abs(position[:, None] - np.arange(size))
    return np.maximum(1 - distance, 0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class ResizeLike(keras.layers.Layer):
    """Resizes a map bilinearly to the height and width of another tensor.

    Pixel centres are at the half (`align_corners=False`), without
    antialiasing. The layer has no weights.

    Input shape:
        List of `(batch, height, width, channels)`, the map, and
        `(batch, new_height, new_width, ...)`, of which only the size counts.

    Output shape:
        `(batch, new_height, new_width, channels)`.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import layers
        >>> features = np.zeros((1, 8, 8, 21))
        >>> image = np.zeros((1, 128, 128, 3))
        >>> tuple(layers.ResizeLike()([features, image]).shape)
        (1, 128, 128, 21)
    """

    def call(self, inputs):
        x, like = inputs
        return resize(x, image_size(like))

    def compute_output_shape(self, input_shape):
        shape, like = input_shape
        return (shape[0], *like[1:3], shape[-1])
