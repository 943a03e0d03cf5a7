"""`ConvBlock` and `InvertedResidual` against plain NumPy."""

import numpy as np
import pytest
from random_values import normal

from keras_mobilevit import layers


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_even_kernels_are_rejected(kernel_size):
    with pytest.raises(ValueError, match=f"odd.*kernel_size={kernel_size}"):
        layers.ConvBlock(8, kernel_size=kernel_size)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("depthwise", [False, True])
def test_strided_padding_is_symmetric(size, depthwise):
    """One pixel of zeros on all four sides, where `same` pads two only."""
    block = layers.ConvBlock(
        None if depthwise else 5, kernel_size=3, strides=2, activation=None
    )
    x = normal(1, size, size, 4)
    y = np.array(block(x))[0]
    kernel = np.array(block.conv.kernel)
    padded = np.pad(x[0], ((1, 1), (1, 1), (0, 0)))
    side = -(-size // 2)
    expected = np.zeros((side, side, y.shape[-1]))
    for i in range(side):
        for j in range(side):
            window = padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            expected[i, j] = np.einsum(
                "hwc,hwc->c" if depthwise else "hwc,hwcf->f",
                window,
                kernel[..., 0] if depthwise else kernel,
            )
    assert y.shape == expected.shape
    # The fresh batch normalization divides by sqrt(1 + epsilon).
    np.testing.assert_allclose(y, expected / np.sqrt(1 + 1e-5), atol=1e-5)


def test_dilated_padding_keeps_the_size():
    block = layers.ConvBlock(None, 3, dilation_rate=2, activation=None)
    x = np.zeros((1, 9, 9, 1), np.float32)
    x[0, 4, 4] = 1
    y = np.array(block(x))[0, :, :, 0]
    kernel = np.array(block.conv.kernel)[::-1, ::-1, 0, 0]
    expected = np.zeros((9, 9))
    expected[2:7:2, 2:7:2] = kernel / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("filters", "strides", "shortcut"),
    [(4, 1, True), (6, 1, False), (4, 2, False)],
)
def test_shortcut(filters, strides, shortcut):
    """With all weights zero, only a shortcut lets anything through."""
    layer = layers.InvertedResidual(filters, strides=strides)
    x = normal(2, 6, 6, 4)
    layer(x)
    layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    y = np.array(layer(x))
    np.testing.assert_array_equal(y, x if shortcut else np.zeros_like(y))


def test_batch_statistics_move_in_training_only():
    block = layers.ConvBlock(4, kernel_size=3)
    x = normal(8, 6, 6, 3) + 2
    block(x, training=False)
    before = np.array(block.norm.moving_mean)
    np.testing.assert_array_equal(before, np.zeros(4))
    maps = np.array(block.conv(x))
    block(x, training=True)
    np.testing.assert_allclose(
        np.array(block.norm.moving_mean),
        0.1 * maps.mean(axis=(0, 1, 2)),  # momentum 0.9
        rtol=1e-4,
        atol=1e-6,
    )
