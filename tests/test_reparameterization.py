"""The deploy form computes what the trained model computes."""

import keras
import numpy as np
import pytest
from random_values import pixels

from keras_mobilevit import (
    MobileViTBackbone,
    MobileViTS,
    MobileViTXS,
    MobileViTXXS,
    layers,
    reparameterize,
)
from keras_mobilevit.layers import deploy_forms

TOLERANCE = 1e-5


def randomize(model, seed=0):
    """Gives every weight a value that a trained model could have.

    Fresh weights would hide most folding errors: gammas of 1, offsets and
    moving means of 0.
    """
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        normal = rng.normal(size=weight.shape)
        name = weight.path.rpartition("/")[-1]
        if name == "gamma":
            value = 1 + 0.3 * normal
        elif name in ("beta", "bias", "moving_mean"):
            value = 0.3 * normal
        elif name == "moving_variance":
            value = np.exp(0.3 * normal)
        else:
            # Output projections of attention have two input axes.
            axes = weight.shape[:-1]
            if "query" in weight.path or "key" in weight.path:
                axes = weight.shape[:1]
            elif "value" in weight.path:
                axes = weight.shape[:1]
            elif "depthwise" in weight.path:
                axes = weight.shape[:2]
            value = normal / np.sqrt(np.prod(axes))
        weight.assign(value)
    return model


def error(found, expected):
    found, expected = np.array(found), np.array(expected)
    assert found.shape == expected.shape
    scale = abs(expected).max()
    assert scale > 0.1 and np.ptp(expected) > 0.1 * scale
    return abs(found - expected).max() / scale


@pytest.fixture(scope="module")
def small():
    model = MobileViTXXS(
        weights=None,
        input_shape=(128, 128, 3),
        classes=7,
        classifier_activation=None,
    )
    return randomize(model)


@pytest.fixture(scope="module")
def small_deploy(small):
    return reparameterize(small)


@pytest.fixture(
    scope="module",
    params=[MobileViTXXS, MobileViTXS, MobileViTS],
    ids=lambda constructor: constructor.__name__,
)
def pair(request):
    """A model of dynamic size and its deploy form."""
    model = request.param(
        weights=None,
        input_shape=(None, None, 3),
        classifier_activation=None,
    )
    randomize(model)
    return model, reparameterize(model)


# === The same function ===


@pytest.mark.parametrize("size", [(256, 256), (224, 224), (192, 320)])
def test_same_outputs(pair, size):
    model, deploy = pair
    batch = 1 if model.name == "mobilevit_s" else 2
    x = pixels(batch, *size, 3)
    assert error(deploy(x), model(x)) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("size", [(256, 256), (224, 224), (192, 320)])
@pytest.mark.parametrize("constructor", [MobileViTXXS, MobileViTXS, MobileViTS])
@pytest.mark.parametrize("seed", [1, 2])
def test_same_outputs_of_static_models(constructor, size, seed):
    model = constructor(
        weights=None, input_shape=(*size, 3), classifier_activation=None
    )
    randomize(model, seed)
    x = pixels(2, *size, 3)
    assert error(reparameterize(model)(x), model(x)) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("size", [(128, 128), (72, 104)])
def test_static_size(size):
    """Without and with a resize around the tokens."""
    model = MobileViTXXS(
        weights=None, input_shape=(*size, 3), classifier_activation=None
    )
    x = pixels(2, *size, 3)
    deploy = reparameterize(randomize(model, seed=3))
    assert deploy.input_shape == (None, *size, 3)
    assert error(deploy(x), model(x)) <= TOLERANCE


@pytest.mark.parametrize("size", [(2, 2), (1, 2)])
def test_one_token_per_offset(size):
    """As in stage 5 of images up to 64 pixels: no warning, as before."""
    image = keras.Input((*size, 6))
    block = layers.MobileViTBlock(8, depth=1, num_heads=2)
    model = randomize(keras.Model(image, block(image)))
    x = np.random.default_rng(0).normal(size=(2, *size, 6)).astype("float32")
    assert error(reparameterize(model)(x), model(x)) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("output_stride", [32, 8])
def test_pyramid(output_stride):
    model = MobileViTBackbone(
        "mobilevit_xxs", weights=None, output_stride=output_stride
    )
    deploy = reparameterize(randomize(model))
    x = pixels(1, 65, 97, 3)
    expected = model(x)
    found = deploy(x)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert error(found[name], value) <= TOLERANCE, name


@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
@pytest.mark.parametrize("patch_size", [1, 2, 3])
def test_one_block(size, patch_size):
    image = keras.Input((*size, 6))
    block = layers.MobileViTBlock(
        12,
        depth=2,
        num_heads=3,
        mlp_ratio=3,
        patch_size=patch_size,
        dropout=0.3,
        activation="relu",
    )
    model = randomize(keras.Model(image, block(image)))
    x = np.random.default_rng(0).normal(size=(2, *size, 6)).astype("float32")
    expected = model(x)
    assert error(reparameterize(model)(x), expected) <= TOLERANCE
    folded = layers.InferenceMobileViTBlock.from_block(block)
    assert error(folded(x), expected) <= TOLERANCE


def test_backbone_nested_in_a_fine_tuning_model():
    model = keras.Sequential(
        [
            keras.Input((128, 128, 3)),
            keras.layers.RandomFlip("horizontal"),
            MobileViTXXS(
                weights=None, include_top=False, input_shape=(128, 128, 3)
            ),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(5),
        ]
    )
    deploy = reparameterize(randomize(model))
    x = pixels(2, 128, 128, 3)
    # Random layers are random unless told otherwise.
    expected = model(x, training=False)
    assert error(deploy(x, training=False), expected) <= TOLERANCE
    assert _count(deploy, keras.layers.LayerNormalization) == 0
    assert _count(deploy, layers.InferenceMobileViTBlock) == 3


def test_adapted_normalization_in_front():
    """Its mean and variance are weights that `call` does not read."""
    norm = keras.layers.Normalization(mean=None)
    norm.adapt(pixels(4, 8, 8, 3))
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            norm,
            keras.layers.Conv2D(4, 3, strides=4),
            layers.MobileViTBlock(8, depth=1, num_heads=2),
        ]
    )
    x = pixels(2, 32, 32, 3)
    assert error(reparameterize(model)(x), model(x)) <= TOLERANCE


def test_mixed_precision_policy_is_kept():
    image = keras.Input((8, 8, 4))
    block = layers.MobileViTBlock(8, depth=1, dtype="mixed_bfloat16")
    model = keras.Model(image, block(image))
    deploy = reparameterize(model)
    assert deploy.layers[-1].compute_dtype == "bfloat16"
    assert {w.dtype for w in deploy.weights} == {"float32"}


# === The form ===


def _count(model, kind):
    return sum(isinstance(layer, kind) for layer in model._flatten_layers())


def test_names_stay(small, small_deploy):
    assert small_deploy.name == small.name
    names = [layer.name for layer in small.layers]
    assert [layer.name for layer in small_deploy.layers] == names


def test_no_layer_normalization_is_left(small, small_deploy):
    assert _count(small, keras.layers.LayerNormalization) == 21
    assert _count(small_deploy, keras.layers.LayerNormalization) == 0
    assert _count(small_deploy, keras.layers.MultiHeadAttention) == 0
    assert _count(small_deploy, layers.UnitRMSNorm) == 21
    assert _count(small_deploy, layers.InferenceMobileViTBlock) == 3


def test_parameters(small, small_deploy):
    """The 21 scales and offsets go, and the offsets of keys and values.

    That is 2 * d * (2 * L + 1) + 2 * d * L per block.
    """
    gone = sum(
        2 * d * (3 * depth + 1) for d, depth in ((64, 2), (80, 4), (96, 3))
    )
    assert small_deploy.count_params() == small.count_params() - gone


def test_residual_stream_has_zero_mean(small, small_deploy):
    for index in (3, 4, 5):
        name = f"stage{index}_block"
        block = small_deploy.get_layer(name)
        writers = [block.project_in.kernel]
        for layer in block.transformer:
            for dense in (layer.output_dense, layer.dense2):
                writers += [dense.kernel, dense.bias]
        for variable in writers:
            mean = np.array(variable, np.float64).mean(axis=-1)
            assert abs(mean).max() < 1e-7, variable.path
        before = np.array(small.get_layer(name).project_in.kernel)
        assert abs(before.mean(axis=-1)).max() > 1e-3


def test_the_model_is_left_as_it_is(small, small_deploy):
    x = pixels(2, 128, 128, 3)
    weights, y = small.get_weights(), np.array(small(x))
    again = reparameterize(small)
    for weight in again.weights:
        weight.assign(np.zeros(weight.shape))
    for before, after in zip(weights, small.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(np.array(small(x)), y)
    assert _count(small, layers.InferenceMobileViTBlock) == 0


def test_deploy_form_of_a_deploy_form(small_deploy):
    again = reparameterize(small_deploy)
    assert again is not small_deploy
    x = pixels(2, 128, 128, 3)
    np.testing.assert_array_equal(np.array(again(x)), np.array(small_deploy(x)))


def test_keras_file_round_trip(small_deploy, tmp_path):
    small_deploy.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    x = pixels(2, 128, 128, 3)
    np.testing.assert_array_equal(
        np.array(loaded(x)), np.array(small_deploy(x))
    )


# === Other networks ===


@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.layers.Layer):
    """Adds its input to itself."""

    def call(self, inputs):
        return inputs + inputs


def test_layers_without_a_deploy_form_are_copied():
    model = randomize(
        keras.applications.MobileNetV2(
            input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=5
        )
    )
    copy = reparameterize(model)
    assert [(type(x), x.name) for x in copy.layers] == [
        (type(x), x.name) for x in model.layers
    ]
    x = pixels(2, 32, 32, 3) / 255
    assert error(copy(x), model(x)) < TOLERANCE
    assert not {id(w) for w in copy.weights} & {id(w) for w in model.weights}


def test_a_registered_deploy_form_is_used(monkeypatch):
    monkeypatch.setattr(deploy_forms, "_DEPLOY_FORMS", {})
    layers.register_deploy_form(
        Doubled, lambda layer: keras.layers.Rescaling(2.0, name=layer.name)
    )
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Doubled(name="twice")(inputs))
    deploy = reparameterize(model)
    assert type(deploy.get_layer("twice")) is keras.layers.Rescaling
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.testing.assert_array_equal(np.array(deploy(x)), 2 * x)


# === Errors ===


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.block = layers.MobileViTBlock(8, depth=1)

    def call(self, inputs):
        return self.block(inputs)


def test_subclassed_model():
    model = Subclassed()
    model(np.zeros((1, 4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="Sequential.*Functional"):
        reparameterize(model)


def test_unbuilt_block():
    block = layers.MobileViTBlock(8, name="raw")
    with pytest.raises(ValueError, match="'raw' has no weights yet"):
        layers.InferenceMobileViTBlock.from_block(block)
