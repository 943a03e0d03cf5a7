"""Models of any precision and any class become functional float32 ones."""

import keras
import numpy as np
import pytest
from exported import predict
from small_model import make_images
from tiny_dense import (
    DENSE_SIZE,
    make_tiny_detector,
    make_tiny_segmenter,
)
from tiny_model import TINY_SIZE, make_tiny_model

from keras_mobilevit.layers import MobileViTBlock
from keras_mobilevit.reparameterization import reparameterize
from keras_mobilevit.tflite import ImageModel, export_tflite
from keras_mobilevit.tflite.exportable import as_functional, in_float32
from keras_mobilevit.tflite.options import ExportOptions

IMAGES = np.stack(make_images(4, TINY_SIZE, seed=2)).astype(np.float32)


def types_of(model):
    return {
        layer.dtype_policy.name
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.Model)
    }


@pytest.fixture
def policy():
    """Sets a policy for the rest of a test."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


# Half of the digits of the type, after a few layers.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("mixed_float16", 5e-3),
        ("mixed_bfloat16", 5e-2),
        ("float16", 5e-3),
        ("float64", 1e-6),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_any_precision_becomes_float32(tiny, policy, name, tolerance, nested):
    policy(name)
    model = make_tiny_model_in(name, tiny)
    if nested:
        model = keras.Sequential([keras.Input((*TINY_SIZE, 3)), model])
    assert name in types_of(model)
    copy = in_float32(model)
    assert types_of(copy) == {"float32"}
    # Also where that policy is still set.
    assert keras.config.dtype_policy().name == name
    assert copy.outputs[0].dtype == "float32"
    found = predict(copy, IMAGES)
    np.testing.assert_allclose(
        found, predict(model, IMAGES).astype(np.float32), atol=tolerance
    )
    # The weights themselves are rounded in one of them.
    tolerance = 1e-3 if name == "float16" else 1e-6
    np.testing.assert_allclose(found, predict(tiny, IMAGES), atol=tolerance)


def make_tiny_model_in(name, tiny):
    """The tiny model, trained in another precision."""

    def copy(layer):
        config = layer.get_config()
        return layer.__class__.from_config({**config, "dtype": name})

    model = keras.models.clone_model(tiny, clone_function=copy)
    model.set_weights(tiny.get_weights())
    return model


@pytest.mark.parametrize("make", [make_tiny_detector, make_tiny_segmenter])
def test_dense_prediction_becomes_float32(policy, make):
    policy("mixed_float16")
    model = make()
    assert "mixed_float16" in types_of(model)
    prepared = ExportOptions().find_output_head(model).prepare(model)
    copy = in_float32(prepared)
    assert types_of(copy) == {"float32"}
    images = np.stack(make_images(2, DENSE_SIZE)).astype(np.float32)
    for found, expected in zip(
        keras.tree.flatten(copy(images)),
        keras.tree.flatten(prepared(images)),
        strict=True,
    ):
        expected = np.asarray(expected, np.float32)
        assert np.ptp(expected) > 0.1
        error = np.abs(np.asarray(found) - expected).max()
        assert error < 0.02 * np.abs(expected).max()


def test_float32_is_not_copied(tiny):
    assert in_float32(tiny) is tiny
    assert as_functional(tiny) is tiny


def test_an_input_of_bytes_becomes_one_of_floats(tiny):
    pixels = keras.Input((*TINY_SIZE, 3), dtype="uint8", name="pixels")
    copy = in_float32(keras.Model(pixels, tiny([pixels])))
    assert (copy.input.dtype, copy.input.name) == ("float32", "pixels")
    np.testing.assert_array_equal(predict(copy, IMAGES), predict(tiny, IMAGES))


def test_what_keras_has_quantized_is_refused(tiny):
    model = keras.models.clone_model(tiny)
    model.layers[-1].quantize("int8")
    with pytest.raises(ValueError, match="dtype policy 'int8_from_float32'"):
        in_float32(model)


class Head(keras.Model):
    """Nested, and with arguments that it does not serialize."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, x, training=False):
        return self.layer(x, training=training)


class Classifier(keras.Model):
    """Subclassed, with a dictionary of outputs."""

    def __init__(self, network):
        super().__init__(name="classifier")
        self.features = keras.Model(
            network.inputs[0], network.layers[-2].output, name="features"
        )
        self.head = Head(network.layers[-1])

    def call(self, images):
        x = self.features(images)
        scores = self.head(x)
        return {"scores": scores, "image": keras.ops.sum(x, -1, keepdims=True)}


@pytest.fixture(scope="module")
def subclassed():
    model = Classifier(make_tiny_model())
    model(IMAGES)
    return model


def test_a_subclassed_model_is_traced(subclassed, tiny):
    call = Head.__call__
    model = as_functional(subclassed)
    assert Head.__call__ is call
    assert model.input_shape == (None, *TINY_SIZE, 3)
    outputs = model(IMAGES)
    np.testing.assert_array_equal(
        outputs["scores"], subclassed(IMAGES)["scores"]
    )
    np.testing.assert_allclose(
        outputs["scores"], predict(tiny, IMAGES), atol=1e-6
    )
    # The layers of nested models are there to be brought into deploy form.
    deploy = reparameterize(model)
    assert not any(
        type(layer) is MobileViTBlock for layer in deploy._flatten_layers()
    )
    np.testing.assert_allclose(
        deploy(IMAGES)["scores"], outputs["scores"], atol=1e-5
    )


@pytest.mark.slow
def test_a_subclassed_model_exports_with_its_names(subclassed, tmp_path):
    path = export_tflite(subclassed, tmp_path / "a.tflite", "float32")
    model = ImageModel(path)
    # One name is that of the input, and tensors differ in theirs.
    assert model.output_names == ("image_output", "scores")
    assert model.info.output.decoding.keys() == {"image_output", "scores"}
    assert model.info.output.decoding["scores"].startswith("(1, 5): ")
    expected = subclassed(IMAGES)
    found = [model.predict(image) for image in IMAGES]
    for name, key in (("scores", "scores"), ("image_output", "image")):
        np.testing.assert_allclose(
            [outputs[name] for outputs in found], expected[key], atol=1e-5
        )


def test_other_sizes_of_a_subclassed_model():
    """It has none of its own, even if it was called with one."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2)(x))
    model = Classifier(network)
    model(IMAGES)
    assert as_functional(model).input_shape == (None, *TINY_SIZE, 3)
    assert as_functional(model, (64, 48)).input_shape == (None, 64, 48, 3)


class Careless(keras.Model):
    def __init__(self, layer):
        super().__init__(name="careless")
        self.layer = layer

    def call(self, images):
        if keras.ops.max(images) > 1:
            images = images / 255
        return self.layer(images)


def test_what_can_not_be_traced_is_explained():
    model = Careless(keras.layers.Dense(3))
    with pytest.raises(ValueError, match="'careless' has no weights yet"):
        as_functional(model)
    model(IMAGES)
    with pytest.raises(ValueError, match="without `if` or `for` on values"):
        as_functional(model)
    with pytest.raises(ValueError, match=r"has no input yet: put `keras\.Inp"):
        as_functional(keras.Sequential([keras.layers.Dense(3)]))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_mixed_precision_exports(tiny, tmp_path, recipe, capfd):
    model = make_tiny_model_in("mixed_float16", tiny)
    path = export_tflite(
        model,
        tmp_path / "a.tflite",
        recipe,
        calibration=make_images(30, TINY_SIZE, seed=1),
    )
    images = make_images(4, TINY_SIZE, seed=2)
    tolerance = 1e-4 if recipe == "float32" else 0.1
    np.testing.assert_allclose(
        predict(path, images), predict(tiny, images), atol=tolerance
    )
    # The converter wrote 3,000 lines about operations that it lacks.
    assert "tf.Softmax" not in capfd.readouterr().err
