"""Arguments that the constructors reject."""

import keras
import numpy as np
import pytest

from keras_mobilevit import (
    MobileViTBackbone,
    MobileViTS,
    MobileViTXS,
    MobileViTXXS,
)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"weights": "imagenet21k"}, "Received: weights=imagenet21k"),
        ({"weights": "no/such.weights.h5"}, "path to the weights file"),
        ({"weights": 3}, "Received: weights=3"),
        ({"weights": "x" * 300}, "path to the weights file"),
        ({"weights": "imagenet", "classes": 10}, "should be 1000.*classes=10"),
        ({"weights": "cifar10", "classes": 7}, "should be 10.*classes=7"),
        (
            {"weights": "imagenet", "input_shape": (256, 256, 1)},
            r"must have 3 channels.*\(256, 256, 1\)",
        ),
        (
            {"weights": "cifar10", "input_shape": (96, 96, 4)},
            r"must have 3 channels.*\(96, 96, 4\)",
        ),
        ({"input_shape": (31, 64, 3)}, r"at least 32x32.*\(31, 64, 3\)"),
        ({"input_shape": (None, 31, 3)}, "at least 32x32"),
        ({"input_shape": (64, 64)}, r"three integers.*\(64, 64\)"),
        ({"input_shape": (1, 64, 64, 3)}, "three integers"),
        ({"input_tensor": np.zeros((1, 64, 64, 3))}, "must be a Keras tensor"),
        ({"pooling": "sum"}, "pooling=sum"),
        ({"pooling": "avg ", "include_top": False}, "`pooling` must be"),
        (
            {"weights": "imagenet", "classifier_activation": "relu"},
            "classifier_activation=relu",
        ),
    ],
)
def test_argument_errors(options, match):
    with pytest.raises(ValueError, match=match):
        MobileViTXXS(**{"weights": None, **options})


@pytest.mark.parametrize("constructor", [MobileViTXS, MobileViTS])
def test_cifar10_weights_are_for_xxs_only(constructor):
    with pytest.raises(ValueError, match=r"\['imagenet'\].*weights=cifar10"):
        constructor(weights="cifar10")


def test_activation_with_a_weights_file(small, tmp_path):
    path = tmp_path / "a.weights.h5"
    small.save_weights(path)
    with pytest.raises(ValueError, match="Only `None` and `softmax`"):
        MobileViTXXS(weights=path, classes=7, classifier_activation="sigmoid")


@pytest.fixture
def channels_first():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


@pytest.mark.usefixtures("channels_first")
@pytest.mark.parametrize(
    "build", [MobileViTXXS, lambda **kw: MobileViTBackbone("mobilevit_s", **kw)]
)
def test_channels_first(build):
    with pytest.raises(ValueError, match="does not support.*channels_first"):
        build(weights=None)
