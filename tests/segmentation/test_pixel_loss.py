"""Cross-entropy over labelled pixels, by hand."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mobilevit.segmentation import PixelCrossentropy

# Probabilities 1/4 and 3/4.
LOGITS = np.array([0, math.log(3)], np.float32)
FOUR, THREE = math.log(4), math.log(4 / 3)


def constant(height, width, batch=1):
    return np.tile(LOGITS, (batch, height, width, 1))


def test_mean_over_the_labelled_pixels():
    labels = np.array([[[0, 1, 1], [255, 1, 255]]])
    expected = (FOUR + 3 * THREE) / 4
    found = PixelCrossentropy()(labels, constant(2, 3))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_the_mean_is_over_the_batch_and_not_by_image():
    labels = np.array([[[0, 255], [255, 255]], [[1, 1], [1, 1]]])
    expected = (FOUR + 4 * THREE) / 5
    found = PixelCrossentropy()(labels, constant(2, 2, batch=2))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_another_ignored_label():
    labels = np.array([[[0, 11], [1, 11]]])
    found = PixelCrossentropy(ignore_label=11)(labels, constant(2, 2))
    assert float(found) == pytest.approx((FOUR + THREE) / 2, rel=1e-6)


def test_an_ignored_label_may_be_that_of_a_class():
    found = PixelCrossentropy(ignore_label=0)(
        np.array([[[0, 1]]]), constant(1, 2)
    )
    assert float(found) == pytest.approx(THREE, rel=1e-6)


def test_nothing_labelled():
    labels = np.full((1, 2, 2), 255)
    assert float(PixelCrossentropy()(labels, constant(2, 2))) == 0


@pytest.mark.parametrize("label", [2, 254, -1])
def test_a_label_of_no_class_makes_it_nan(label):
    labels = np.array([[[0, label]]])
    assert math.isnan(PixelCrossentropy()(labels, constant(1, 2)))


def test_logits_are_interpolated():
    # Two columns become four: halves of pixels apart, the outer ones repeat.
    logits = np.array([[[[0.0, 0.0], [0.0, 4.0]]]], np.float32)
    margins = np.array([0.0, 1.0, 3.0, 4.0])
    labels = np.array([[[1, 1, 1, 255]]])
    expected = np.log1p(np.exp(-margins[:3])).mean()
    found = PixelCrossentropy()(labels, logits)
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_gradient():
    """Softmax less the label, over the count; nothing where ignored."""
    labels = np.array([[[0, 1, 255]]])
    logits = tf.constant(constant(1, 3))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = PixelCrossentropy()(labels, logits)
    expected = np.array([[-0.75, 0.75], [0.25, -0.25], [0, 0]]) / 2
    found = tape.gradient(loss, logits).numpy()[0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_half_precision_logits():
    logits = tf.constant(20 * constant(1, 2), tf.float16)
    found = PixelCrossentropy()(np.array([[[0, 0]]]), logits)
    assert found.dtype == "float32"
    expected = float(logits[0, 0, 0, 1])  # log(1 + e^x) is x up here
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_no_reduction_gives_the_loss_of_each_pixel():
    labels = np.array([[[0, 1, 255]]])
    loss = PixelCrossentropy(reduction="none")
    found = np.array(loss(labels, constant(1, 3)))
    np.testing.assert_allclose(found, [[[FOUR, THREE, 0]]], rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 2, 2, 1), (2, 2)])
def test_rank(shape):
    with pytest.raises(ValueError, match=r"Expected labels \(batch, height"):
        PixelCrossentropy()(np.zeros(shape), constant(2, 2))


def test_compiled_model_round_trip(tmp_path):
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 2, strides=2)(image))
    model.compile("sgd", PixelCrossentropy(ignore_label=9))
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype(np.float32)
    labels = np.array([[[0, 1, 9, 0]] * 4])
    model.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    assert loaded.loss.ignore_label == 9
    expected = float(model.loss(labels, model(x)))
    assert loaded.evaluate(x, labels, verbose=0) == pytest.approx(expected)
