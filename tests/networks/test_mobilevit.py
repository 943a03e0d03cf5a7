"""The constructors keep the contract of `keras.applications`."""

import hashlib
import inspect
import json

import keras
import numpy as np
import pytest
from published_facts import LAST_DIMS
from random_values import pixels

from keras_mobilevit import MobileViTXXS, mobilevit
from keras_mobilevit.labels import class_names, identified_classes


def test_signature(variant, constructor):
    parameters = inspect.signature(constructor).parameters
    assert {name: p.default for name, p in parameters.items()} == {
        "include_top": True,
        "include_preprocessing": True,
        "weights": "imagenet",
        "input_tensor": None,
        "input_shape": None,
        "pooling": None,
        "classes": 1000,
        "classifier_activation": "softmax",
        "name": variant,
    }
    assert list(parameters) == [
        "include_top",
        "include_preprocessing",
        "weights",
        "input_tensor",
        "input_shape",
        "pooling",
        "classes",
        "classifier_activation",
        "name",
    ]
    assert all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters.values())


def test_docstring_names_the_constructor(constructor):
    first = constructor.__doc__.splitlines()[0]
    assert first == (f"Instantiates the {constructor.__name__} architecture.")


# === Output shapes ===


def test_notop_with_one_channel(variant, constructor):
    model = constructor(
        weights=None, include_top=False, input_shape=(None, None, 1)
    )
    assert model.output_shape == (None, None, None, LAST_DIMS[variant])


def test_notop_with_four_channels_warns(variant, constructor):
    with pytest.warns(UserWarning, match="expects 1 or 3") as record:
        model = constructor(
            weights=None, include_top=False, input_shape=(None, None, 4)
        )
    assert record[0].filename == __file__  # points at the caller
    assert model.output_shape == (None, None, None, LAST_DIMS[variant])


def test_notop_with_an_odd_size(variant, constructor):
    model = constructor(
        weights=None, include_top=False, input_shape=(123, 123, 3)
    )
    assert model.output_shape == (None, 4, 4, LAST_DIMS[variant])


def test_dynamic_size_with_top():
    model = MobileViTXXS(weights=None, input_shape=(None, None, 3), classes=7)
    assert model.output_shape == (None, 7)
    for size in ((32, 32), (33, 47)):
        assert model(pixels(2, *size, 3)).shape == (2, 7)


def test_max_pooling(variant, constructor):
    model = constructor(weights=None, include_top=False, pooling="max")
    assert model.output_shape == (None, LAST_DIMS[variant])


FEATURES = dict(weights=None, include_top=False, input_shape=(64, 96, 3))


@pytest.fixture(scope="module")
def maps():
    return MobileViTXXS(**FEATURES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pooling", "reduce"), [("avg", np.mean), ("max", np.max)]
)
def test_pooling_values(maps, pooling, reduce):
    pooled = MobileViTXXS(**FEATURES, pooling=pooling)
    pooled.set_weights(maps.get_weights())
    x = pixels(2, 64, 96, 3)
    expected = reduce(np.array(maps(x)), axis=(1, 2))
    np.testing.assert_allclose(np.array(pooled(x)), expected, atol=1e-6)


def test_pooling_is_ignored_with_top():
    model = MobileViTXXS(weights=None, pooling="max", classes=5)
    assert isinstance(
        model.get_layer("avg_pool"), keras.layers.GlobalAveragePooling2D
    )


# === Values ===


def test_softmax_is_the_default(small):
    assert small.layers[-1].activation is keras.activations.softmax
    y = np.array(small(pixels(3, 32, 32, 3)))
    assert y.shape == (3, 7) and (y > 0).all()
    np.testing.assert_allclose(y.sum(axis=-1), 1, atol=1e-6)


def test_classifier_activation_none_gives_logits(small):
    model = MobileViTXXS(
        weights=None,
        input_shape=(32, 32, 3),
        classes=7,
        classifier_activation=None,
    )
    model.set_weights(small.get_weights())
    x = pixels(3, 32, 32, 3)
    logits = np.array(model(x), np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(np.array(small(x)), expected, atol=1e-6)


def test_preprocessing_divides_by_255(small):
    bare = MobileViTXXS(
        weights=None,
        input_shape=(32, 32, 3),
        classes=7,
        include_preprocessing=False,
    )
    bare.set_weights(small.get_weights())
    x = pixels(2, 32, 32, 3)
    expected = np.array(small(x))
    np.testing.assert_allclose(np.array(bare(x / 255)), expected, atol=1e-6)
    assert abs(np.array(bare(x)) - expected).max() > 1e-4


def test_preprocess_input_is_a_pass_through():
    x = pixels(1, 4, 4, 3)
    assert mobilevit.preprocess_input(x) is x
    assert mobilevit.preprocess_input(x, data_format="channels_last") is x


# === Names of classes ===


@pytest.fixture
def offline(monkeypatch):
    """No file can be fetched."""

    def refuse(*args, **kwargs):
        raise AssertionError("Something was downloaded.")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setattr(
        keras.applications.imagenet_utils, "decode_predictions", refuse
    )


def test_names_of_imagenet_are_those_of_keras(offline):
    """By the hash that `keras.applications` checks its own list with."""
    classes = identified_classes("imagenet")
    keras_style = {
        str(index): [identity, name.replace(" ", "_")]
        for index, (identity, name) in enumerate(classes)
    }
    text = json.dumps(keras_style)
    found = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    assert found == "c2c37ea517e94d9795004a39431a14cb"
    assert class_names("imagenet")[386] == "African elephant"


def test_names_of_no_weights():
    with pytest.raises(ValueError, match="one of .*Received: weights=coco"):
        class_names("coco")


def test_decode_predictions_of_imagenet(offline):
    scores = np.zeros((2, 1000), np.float32)
    scores[0, [386, 101, 385]] = 0.6, 0.3, 0.1
    scores[1, 0] = 1
    first, second = mobilevit.decode_predictions(scores, top=3)
    assert first == [
        ("n02504458", "African_elephant", pytest.approx(0.6)),
        ("n01871265", "tusker", pytest.approx(0.3)),
        ("n02504013", "Indian_elephant", pytest.approx(0.1)),
    ]
    assert second[0] == ("n01440764", "tench", 1.0)
    assert list(map(len, mobilevit.decode_predictions(scores))) == [5, 5]


def test_decode_predictions_of_the_embedded_weights(offline):
    scores = keras.ops.one_hot([9, 3], 10)
    found = mobilevit.decode_predictions(scores, top=1, weights="cifar10")
    assert found == [[("9", "truck", 1.0)], [("3", "cat", 1.0)]]


@pytest.mark.parametrize("shape", [(2, 10), (1000,), (1, 1000, 1)])
def test_decode_predictions_rejects_other_shapes(shape):
    with pytest.raises(ValueError, match=r"shape \(batch, 1000\)") as caught:
        mobilevit.decode_predictions(np.zeros(shape))
    hinted = 'Pass `weights="cifar10"`' in str(caught.value)
    assert hinted == (shape == (2, 10))
