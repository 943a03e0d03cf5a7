"""A whole classifier: its gradients, precision and weights files."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from random_values import pixels, randomize

from keras_mobilevit import MobileViTXXS


@pytest.fixture(scope="module")
def classifier():
    return MobileViTXXS(weights=None, input_shape=(64, 64, 3), classes=7)


def test_gradients_reach_every_weight(classifier):
    x, labels = pixels(4, 64, 64, 3), np.array([0, 2, 4, 6])
    with tf.GradientTape() as tape:
        y = classifier(x, training=True)
        loss = keras.ops.mean(
            keras.losses.sparse_categorical_crossentropy(labels, y)
        )
    weights = classifier.trainable_weights
    gradients = tape.gradient(loss, [w.value for w in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        assert gradient is not None, weight.path
        gradient = np.array(gradient)
        assert gradient.shape == weight.shape
        assert np.isfinite(gradient).all(), weight.path
        # Stage 5 has one token per offset here, so its softmax is constant;
        # and no softmax sees what a key's bias adds to all logits.
        blind = ("stage5_block" in weight.path and "query" in weight.path) or (
            "key" in weight.path
        )
        assert blind or np.any(gradient != 0), weight.path


def test_inference_is_deterministic(classifier):
    x = pixels(2, 64, 64, 3)
    first = np.array(classifier(x))
    np.testing.assert_array_equal(np.array(classifier(x)), first)
    np.testing.assert_array_equal(
        np.array(classifier(x, training=False)), first
    )


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def test_mixed_precision(policy):
    """Rounding to 11 or 8 bits through 32 convolutions, and no more."""
    options = dict(
        weights=None,
        include_top=False,
        pooling="avg",
        input_shape=(72, 72, 3),
    )
    keras.utils.set_random_seed(0)
    model = MobileViTXXS(**options)
    keras.config.set_dtype_policy("float32")
    reference = MobileViTXXS(**options)
    reference.set_weights(model.get_weights())
    x = pixels(2, 72, 72, 3)
    y = model(x)
    dtype = policy.removeprefix("mixed_")
    assert y.dtype == model.output.dtype == dtype
    assert {w.dtype for w in model.weights} == {"float32"}
    y = np.array(keras.ops.cast(y, "float32"))
    expected = np.array(reference(x))
    assert np.isfinite(y).all()
    error = abs(y - expected).max() / abs(expected).max()
    assert 0 < error < {"float16": 0.01, "bfloat16": 0.08}[dtype]


def test_weights_file_round_trip(classifier, tmp_path):
    randomize(classifier, seed=1)
    classifier.save_weights(tmp_path / "a.weights.h5")
    loaded = MobileViTXXS(weights=None, input_shape=(64, 64, 3), classes=7)
    loaded.load_weights(tmp_path / "a.weights.h5")
    for found, expected in zip(
        loaded.get_weights(), classifier.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    x = pixels(2, 64, 64, 3)
    np.testing.assert_array_equal(np.array(loaded(x)), np.array(classifier(x)))
