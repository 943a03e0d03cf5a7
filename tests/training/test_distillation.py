"""Answers of teachers, by hand and as the models themselves give them."""

import keras
import numpy as np
import pytest
from tiny_classifier import CLASSES, SIZE, make_batch, make_classifier

from keras_mobilevit.class_scores import to_probabilities
from keras_mobilevit.training.distillation import load_teacher


def save(model, tmp_path, name="teacher.keras"):
    path = tmp_path / name
    model.save(path)
    return path


def predict(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def make_colour_model(size=None, activation=None, bias=(0.0, 0.0, 0.0)):
    """Its logits are the mean red, green and blue, over 100, and a bias."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    x = keras.layers.Rescaling(1 / 100)(x)
    dense = keras.layers.Dense(3, activation)
    model = keras.Model(inputs, dense(x))
    dense.set_weights([np.eye(3), np.array(bias)])
    return model


def colour(*rgb, size=8):
    return np.full((1, size, size, 3), rgb, np.float32)


def test_softmax_by_hand(tmp_path):
    """Logits (1, 0, 2): e, 1 and e^2 over their sum."""
    expected = np.exp([1, 0, 2]) / np.exp([1, 0, 2]).sum()
    for activation in (None, "softmax"):
        path = save(make_colour_model(activation=activation), tmp_path)
        found = load_teacher(path, 3)(colour(100, 0, 200))
        assert found.shape == (1, 3) and found.dtype == np.float32
        np.testing.assert_allclose(found[0], expected, rtol=1e-5)


def test_huge_logits(tmp_path):
    path = save(make_colour_model(bias=(-1000.0, 1000.0, 0.0)), tmp_path)
    found = load_teacher(path, 3)(colour(0, 0, 0))
    np.testing.assert_array_equal(found, [[0, 1, 0]])


def test_a_teacher_of_one_size_sees_the_whole_image(tmp_path):
    """Twice the side: two pixels of one colour become one of that colour."""
    model = make_classifier()
    teach = load_teacher(save(model, tmp_path), CLASSES)
    images, _ = make_batch(4)
    expected = predict(model, images)
    np.testing.assert_allclose(teach(images), expected, atol=1e-6)
    assert np.ptp(expected, axis=0).max() > 1e-4
    flat = colour(10, 200, 30, size=SIZE)
    np.testing.assert_allclose(
        teach(colour(10, 200, 30, size=SIZE + 13)),
        predict(model, flat),
        atol=1e-6,
    )
    # Half the image red: so is half of what the teacher sees.
    colours = make_colour_model(16, "softmax")
    path = save(colours, tmp_path, "colour.keras")
    half = colour(0, 0, 0, size=64)
    half[:, 32:, :, 0] = 200
    logits = np.exp([1, 0, 0])
    np.testing.assert_allclose(
        load_teacher(path, 3)(half)[0], logits / logits.sum(), rtol=1e-4
    )


def test_a_teacher_of_any_size_is_not_resized_for(tmp_path):
    """Stripes a pixel wide would vanish: only the first row is looked at."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Cropping2D(((0, 15), (0, 0)))(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Rescaling(1 / 100)(x)
    path = save(keras.Model(inputs, outputs), tmp_path)
    images = np.zeros((1, 16, 24, 3), np.float32)
    images[:, 0, :, 1] = 200
    logits = np.exp([0, 2, 0])
    np.testing.assert_allclose(
        load_teacher(path, 3)(images)[0], logits / logits.sum(), rtol=1e-5
    )


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_a_tflite_teacher(activation, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow can convert")
    from tensorflow import lite

    model = make_colour_model(SIZE, activation)
    path = tmp_path / "teacher.tflite"
    path.write_bytes(lite.TFLiteConverter.from_keras_model(model).convert())
    teach = load_teacher(path, 3)
    images = [colour(100, 0, 200, size=48), colour(0, 50, 50, size=48)]
    expected = np.exp([[1, 0, 2], [0, 0.5, 0.5]])
    expected /= expected.sum(axis=1, keepdims=True)
    found = teach(np.concatenate(images))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="one of 3 classes"):
        load_teacher(path, 4)


def test_rounded_probabilities_are_not_taken_for_logits():
    """1/256 a step: 0.59 and many that round to nothing."""
    exact = np.full((2, 401), 0.001)
    exact[:, 0] = 0.6
    rounded = np.round(exact * 256) / 256
    assert rounded[0, 1] == 0
    np.testing.assert_array_equal(to_probabilities(rounded), rounded)


# === Files that do not serve ===


def test_no_teacher_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nobody.keras"):
        load_teacher(tmp_path / "nobody.keras", 3)


def test_neither_keras_nor_tflite(tmp_path):
    path = tmp_path / "teacher.h5"
    path.write_bytes(b"anything")
    with pytest.raises(ValueError, match=r"\.keras or \.tflite"):
        load_teacher(path, 3)


@pytest.mark.parametrize("suffix", [".keras", ".tflite"])
def test_a_damaged_file(suffix, tmp_path):
    path = tmp_path / f"teacher{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(ValueError, match=f"teacher{suffix}"):
        load_teacher(path, 3)


def test_other_classes(tmp_path):
    path = save(make_colour_model(), tmp_path)
    with pytest.raises(ValueError, match="same 10 classes.*one of 3 classes"):
        load_teacher(path, 10)


def test_no_classifier(tmp_path):
    images = keras.Input((8, 8, 3))
    features = keras.Input((3,))
    means = keras.layers.GlobalAveragePooling2D()(images)
    both = keras.layers.Add()([means, features])
    for model in (
        keras.Model(images, keras.layers.ReLU()(images)),
        keras.Model(features, keras.layers.ReLU()(features)),
        keras.Model([images, features], both),
        keras.Model(images, [means, keras.layers.ReLU()(means)]),
    ):
        with pytest.raises(ValueError, match="gives one number a class"):
            load_teacher(save(model, tmp_path), 3)
