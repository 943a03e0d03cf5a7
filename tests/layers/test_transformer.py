"""The transformer layer against plain NumPy."""

import numpy as np
import pytest
from random_values import normal, randomize

from keras_mobilevit import layers


def numpy_transformer(x, weights, heads):
    """Section 1.2 of the reference notes, in float64."""

    def norm(x, gamma, beta):
        x = x - x.mean(-1, keepdims=True)
        return gamma * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) + beta

    w = [np.asarray(value, np.float64) for value in weights]
    norm1, norm2, attention, dense = w[:2], w[2:4], w[4:12], w[12:]
    y = norm(x, *norm1)
    query, key, value = (
        np.einsum("btc,chd->bhtd", y, attention[i])
        + attention[i + 1][:, None, :]
        for i in (0, 2, 4)
    )
    scale = (x.shape[-1] // heads) ** -0.5
    scores = np.exp(scale * query @ key.swapaxes(-1, -2))
    scores /= scores.sum(-1, keepdims=True)
    x = x + np.einsum("bhtd,hdc->btc", scores @ value, attention[6])
    x = x + attention[7]
    y = norm(x, *norm2) @ dense[0] + dense[1]
    return x + y / (1 + np.exp(-y)) @ dense[2] + dense[3]


def test_transformer_against_numpy():
    layer = layers.TransformerLayer(num_heads=2, mlp_ratio=3)
    x = normal(3, 5, 8)
    layer(x)
    randomize(layer)
    parts = (
        layer.norm1,
        layer.norm2,
        layer.attention.query_dense,
        layer.attention.key_dense,
        layer.attention.value_dense,
        layer.attention.output_dense,
        layer.dense1,
        layer.dense2,
    )
    weights = [w for part in parts for w in part.get_weights()]
    expected = numpy_transformer(x.astype(np.float64), weights, heads=2)
    np.testing.assert_allclose(
        np.array(layer(x)), expected, atol=1e-5 * abs(expected).max()
    )


def test_heads_must_divide_the_channels():
    with pytest.raises(ValueError, match="num_heads=3, channels=8"):
        layers.TransformerLayer(num_heads=3)(normal(1, 4, 8))


def test_dropout_acts_in_training_only():
    x = normal(2, 6, 8)
    layer = layers.TransformerLayer(num_heads=2, dropout=0.5)
    first, second = (np.array(layer(x, training=True)) for _ in range(2))
    assert np.any(first != second)
    first, second = (np.array(layer(x, training=False)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    without = layers.TransformerLayer(num_heads=2, dropout=0.0)
    without(x)
    without.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.array(without(x, training=True)), first)
