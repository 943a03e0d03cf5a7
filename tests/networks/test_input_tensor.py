"""A tensor of another net as the input of a classifier."""

import keras
import numpy as np
import pytest
from published_facts import LAST_DIMS, NOTOP, TOP, counts
from random_values import pixels

from keras_mobilevit import MobileViTXXS


@pytest.mark.parametrize("include_top", [True, False])
def test_input_tensor(variant, constructor, include_top):
    last_dim = LAST_DIMS[variant]
    image = keras.Input((200, 200, 4))
    x = keras.layers.Conv2D(3, 3, strides=2, padding="same")(image)
    model = constructor(
        weights=None, include_top=include_top, input_tensor=x, classes=5
    )
    assert model.inputs == [image]
    expected = (None, 5) if include_top else (None, 4, 4, last_dim)
    assert model.output_shape == expected
    own = NOTOP[variant] + 5 * (last_dim + 1) * include_top
    assert counts(model) == (own + (4 * 9 + 1) * 3, TOP[variant][1])
    if variant == "mobilevit_xxs":
        y = np.array(model(pixels(2, 200, 200, 4)))
        assert y.shape[1:] == expected[1:] and np.isfinite(y).all()


def test_input_tensor_computes_the_same(small):
    image = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(0.5)(image)
    model = MobileViTXXS(weights=None, input_tensor=x, classes=7)
    model.set_weights(small.get_weights())
    image = pixels(2, 32, 32, 3)
    np.testing.assert_array_equal(
        np.array(model(image)), np.array(small(image / 2))
    )


def test_input_tensor_loads_a_weights_file(small, tmp_path):
    path = tmp_path / "a.weights.h5"
    small.save_weights(path)
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(3, 1, kernel_initializer="zeros")(image)
    model = MobileViTXXS(weights=str(path), input_tensor=x, classes=7)
    loaded = model.get_weights()[1 + 1 :]  # behind the user's convolution
    for found, expected in zip(loaded, small.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    features = keras.Model(model.input, model.get_layer("stage3_block").output)
    assert features.output_shape == (None, 4, 4, 48)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ((64, 64, 3), r"disagree.*input_shape=\(32, 32, 3\)"),
        ((32, 32, 1), "disagree"),
        ((None, None, 3), "disagree"),
    ],
)
def test_input_tensor_and_input_shape_disagree(shape, match):
    with pytest.raises(ValueError, match=match):
        MobileViTXXS(
            weights=None,
            input_tensor=keras.Input(shape),
            input_shape=(32, 32, 3),
        )


@pytest.mark.parametrize(
    ("shape", "match"),
    [((64,), "three integers"), ((16, 64, 3), "at least 32")],
)
def test_input_tensor_out_of_range(shape, match):
    with pytest.raises(ValueError, match=match):
        MobileViTXXS(weights=None, input_tensor=keras.Input(shape))
