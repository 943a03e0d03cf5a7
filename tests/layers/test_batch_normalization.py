"""Our batch normalization against Keras' own, while it trains."""

import keras
import numpy as np
import pytest

from keras_mobilevit.layers.batch_normalization import BatchNormalization


def make_pair(**options):
    rng = np.random.default_rng(0)
    pair = []
    for kind in (BatchNormalization, keras.layers.BatchNormalization):
        norm = kind(momentum=0.9, epsilon=1e-5, **options)
        norm.build((None, None, None, 5))
        pair.append(norm)
    weights = [rng.uniform(0.5, 2, w.shape) for w in pair[0].get_weights()]
    for norm in pair:
        norm.set_weights(weights)
    return pair


def train_once(norm, x):
    """Outputs, gradients of input, scale and offset, and statistics."""
    tf = pytest.importorskip("tensorflow")
    x = tf.constant(x)
    weights = tf.random.stateless_normal(x.shape, seed=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = norm(x, training=True)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") * weights)
    variables = [v.value for v in norm.trainable_variables]
    gradients = tape.gradient(loss, [x, *variables])
    return [outputs, *gradients, *norm.get_weights()]


@pytest.mark.parametrize("shape", [(4, 6, 7, 5), (2, 1, 1, 5), (1, 1, 1, 5)])
def test_a_step_is_that_of_keras(shape):
    """A batch of one value has a variance of 0, and no unbiased one."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("other backends run Keras' own code")
    x = np.random.default_rng(1).normal(3, 2, shape).astype("float32")
    ours, theirs = (train_once(norm, x) for norm in make_pair())
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_half_precision_comes_back_as_such():
    x = np.random.default_rng(1).normal(3, 2, (4, 6, 7, 5)).astype("float16")
    ours, theirs = make_pair(dtype="mixed_float16")
    a, b = (np.asarray(n(x, training=True)) for n in (ours, theirs))
    assert a.dtype == b.dtype == np.float16
    np.testing.assert_allclose(a, b, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_dtypes_of_the_weights(dtype):
    """TensorFlow's kernel has none of them; Keras' own code takes over."""
    x = np.random.default_rng(1).normal(3, 2, (4, 6, 7, 5))
    norms = make_pair(dtype=dtype)
    a, b = (norm(keras.ops.cast(x, dtype), training=True) for norm in norms)
    assert a.dtype == dtype
    assert {w.dtype for w in norms[0].weights} == {dtype}
    np.testing.assert_array_equal(
        *(keras.ops.cast(y, "float64") for y in (a, b))
    )


def test_float64_is_not_rounded():
    x = np.random.default_rng(1).normal(3, 2, (4, 6, 7, 5))
    norm = BatchNormalization(epsilon=1e-5, dtype="float64")
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(norm(x, training=True), expected, atol=1e-12)


def test_frozen_it_keeps_its_statistics():
    norm, theirs = make_pair()
    norm.trainable = theirs.trainable = False
    before = norm.get_weights()
    x = np.random.default_rng(1).normal(size=(4, 6, 7, 5)).astype("float32")
    np.testing.assert_array_equal(
        norm(x, training=True), theirs(x, training=True)
    )
    for a, b in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
