"""The pyramid of dilated convolutions against plain NumPy."""

import numpy as np
from random_values import normal

from keras_mobilevit.layers import ASPP


def convolve(x, kernel, rate):
    """One image, zeros around it, by the definition."""
    height, width, _ = x.shape
    reach = rate * (kernel.shape[0] // 2)
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)))
    y = np.zeros((height, width, kernel.shape[-1]))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            top, left = rate * i, rate * j
            window = padded[top : top + height, left : left + width]
            y += window @ kernel[i, j]
    return y


def block(convblock, x, rate=1):
    kernel, gamma, beta, mean, variance = (
        np.asarray(w, np.float64) for w in convblock.get_weights()
    )
    y = convolve(x, kernel, rate)
    y = gamma * (y - mean) / np.sqrt(variance + 1e-5) + beta
    return np.maximum(y, 0)


def test_values():
    layer = ASPP(3, rates=(1, 2, 6))
    x = normal(2, 7, 5, 4)
    layer(x)
    rng = np.random.default_rng(1)
    layer.set_weights(
        [
            w + 0.3 * abs(rng.normal(size=w.shape)) if w.ndim == 1 else w
            for w in layer.get_weights()
        ]
    )
    for image, found in zip(x.astype(np.float64), layer(x), strict=True):
        mean = image.mean(axis=(0, 1), keepdims=True)
        branches = [
            block(layer.pixel, image),
            *(
                block(conv, image, rate)
                for conv, rate in zip(layer.dilated, (1, 2, 6), strict=True)
            ),
            block(layer.pooled, mean) * np.ones((7, 5, 1)),
        ]
        expected = block(layer.project, np.concatenate(branches, axis=-1))
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(np.array(found), expected, atol=1e-5)


def test_dropout_acts_in_training_only():
    layer = ASPP(8, rates=(1,), dropout=0.5)
    x = normal(2, 4, 4, 3)
    first, second = (np.array(layer(x, training=True)) for _ in range(2))
    assert np.any(first != second)
    first, second = (np.array(layer(x, training=False)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
