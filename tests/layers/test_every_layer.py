"""What holds for every layer, alone and inside nets of others."""

import inspect

import keras
import numpy as np
import pytest
from random_values import normal, randomize

from keras_mobilevit import layers

# Name -> layer, input shape or shapes, output shape. No argument has its
# default.
CASES = {
    "aspp": (
        lambda: layers.ASPP(6, rates=(1, 3), dropout=0.1, activation="silu"),
        (2, 7, 5, 4),
        (2, 7, 5, 6),
    ),
    "conv": (
        lambda: layers.ConvBlock(
            6, kernel_size=3, strides=2, activation="relu"
        ),
        (2, 9, 8, 4),
        (2, 5, 4, 6),
    ),
    "depthwise": (
        lambda: layers.ConvBlock(None, 5, dilation_rate=2, activation=None),
        (2, 9, 8, 4),
        (2, 9, 8, 4),
    ),
    "residual": (
        lambda: layers.InvertedResidual(4, expansion=3, dilation_rate=2),
        (2, 9, 8, 4),
        (2, 9, 8, 4),
    ),
    "strided": (
        lambda: layers.InvertedResidual(6, 2, strides=2, activation="relu"),
        (2, 9, 8, 4),
        (2, 5, 4, 6),
    ),
    "transformer": (
        lambda: layers.TransformerLayer(num_heads=2, mlp_ratio=3, dropout=0.1),
        (2, 6, 8),
        (2, 6, 8),
    ),
    "block": (
        lambda: layers.MobileViTBlock(
            8,
            depth=1,
            num_heads=2,
            mlp_ratio=3,
            patch_size=3,
            dropout=0.2,
            activation="relu",
        ),
        (2, 7, 5, 4),
        (2, 7, 5, 4),
    ),
    "inference_block": (
        lambda: layers.InferenceMobileViTBlock(
            8, depth=3, num_heads=2, mlp_ratio=3, patch_size=3
        ),
        (2, 7, 5, 4),
        (2, 7, 5, 4),
    ),
    "inference_transformer": (
        lambda: layers.InferenceTransformerLayer(
            num_heads=2, mlp_ratio=3, patch_area=4
        ),
        (2, 12, 8),
        (2, 12, 8),
    ),
    "separable_transformer": (
        lambda: layers.SeparableTransformerLayer(mlp_ratio=3, dropout=0.1),
        (2, 4, 6, 8),
        (2, 4, 6, 8),
    ),
    "block_v2": (
        lambda: layers.MobileViTV2Block(
            8,
            depth=1,
            mlp_ratio=3,
            patch_size=3,
            dilation_rate=2,
            dropout=0.2,
            activation="relu",
        ),
        (2, 7, 5, 4),
        (2, 9, 6, 4),
    ),
    "inference_block_v2": (
        lambda: layers.InferenceMobileViTV2Block(
            8, depth=3, mlp_ratio=3, patch_size=3
        ),
        (2, 7, 5, 4),
        (2, 9, 6, 4),
    ),
    "inference_separable_transformer": (
        lambda: layers.InferenceSeparableTransformerLayer(mlp_ratio=3),
        (2, 6, 4, 8),
        (2, 6, 4, 8),
    ),
    "resize_like": (
        layers.ResizeLike,
        [(2, 4, 3, 5), (2, 9, 8, 2)],
        (2, 9, 8, 5),
    ),
    "group_norm": (layers.UnitGroupNorm, (2, 6, 4, 8), (2, 6, 4, 8)),
    "rms_norm": (layers.UnitRMSNorm, (2, 6, 8), (2, 6, 8)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape, output_shape = CASES[request.param]
    return make(), shape, output_shape


def over(shape, function):
    """Applies a function to the one shape of a layer's input, or to each."""
    if isinstance(shape, list):
        return [function(each) for each in shape]
    return function(shape)


def draw(shape):
    return over(shape, lambda shape: normal(*shape))


def test_all_layers_have_a_case():
    made = {type(make()).__name__ for make, _, _ in CASES.values()}
    assert made == set(layers.__all__) - {"register_deploy_form"}


def test_shapes(case):
    layer, shape, output_shape = case
    assert layer(draw(shape)).shape == output_shape
    assert layer.compute_output_shape(shape) == output_shape
    unknown = over(shape, lambda s: (*(None for _ in s[:-1]), s[-1]))
    expected = (*(None for _ in output_shape[:-1]), output_shape[-1])
    assert layer.compute_output_shape(unknown) == expected
    inputs = over(unknown, lambda shape: keras.Input(shape[1:]))
    assert type(layer)(**_arguments(layer))(inputs).shape == expected


def _arguments(layer):
    """Own arguments of a layer, as its config gives them."""
    config = layer.get_config()
    names = inspect.signature(type(layer)).parameters
    return {
        name: config[name]
        for name, p in names.items()
        if p.kind is p.POSITIONAL_OR_KEYWORD
    }


def test_config_round_trip(case):
    layer, _, _ = case
    config = layer.get_config()
    assert set(_arguments(layer)) <= set(config)
    assert type(layer).from_config(config).get_config() == config
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(again) is type(layer)
    assert again.get_config() == config


def test_keras_file_round_trip(case, tmp_path):
    layer, shape, _ = case
    image = over(shape, lambda shape: keras.Input(shape[1:]))
    model = keras.Model(image, layer(image))
    randomize(model)
    x = draw(shape)
    expected = np.array(model(x))
    model.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(np.array(loaded(x)), expected)


def test_freezing_survives_a_copy(case):
    """Sublayers that are only built afterwards are frozen as well."""
    layer, shape, _ = case
    layer(draw(shape))
    layer.trainable = False
    copy = type(layer).from_config(layer.get_config())
    image = over(shape, lambda shape: keras.Input(shape[1:]))
    model = keras.Model(image, copy(image))
    assert model.trainable_variables == []
    assert not any(each.trainable for each in copy._flatten_layers())


def test_thawed_copies_train(case):
    layer, shape, _ = case
    layer(draw(shape))
    everything = _trainable_paths(layer)
    layer.trainable = False
    copy = type(layer).from_config(layer.get_config())
    copy(draw(shape))
    copy.trainable = True
    assert _trainable_paths(copy) == everything


def test_freezing_of_single_sublayers_survives_a_copy(case):
    """Such as that of all batch norms, in training on small batches."""
    layer, shape, _ = case
    layer(draw(shape))
    below = layer._flatten_layers(include_self=False)
    norms = [each for each in below if "norm" in each.name and each.weights]
    for norm in norms:
        norm.trainable = False
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    copy(draw(shape))
    assert _trainable_paths(copy) == _trainable_paths(layer)
    assert len(_trainable_paths(layer)) == (
        len(layer.weights) - sum(len(norm.weights) for norm in norms)
    )


def _trainable_paths(layer):
    """Paths below the layer, whose own name may differ."""
    return [w.path.partition("/")[2] for w in layer.trainable_weights]


def test_layer_dtype(case):
    layer, shape, _ = case
    layer = type(layer)(**_arguments(layer), dtype="mixed_bfloat16")
    y = layer(draw(shape))
    assert y.dtype == "bfloat16"
    assert {w.dtype for w in layer.weights} <= {"float32"}
    for child in layer._flatten_layers():
        assert child.compute_dtype == "bfloat16", child.path


def test_float64(case):
    """Weights and activations, up to what Keras' own layers round."""
    layer, shape, _ = case
    layer = type(layer)(**_arguments(layer), dtype="float64")
    y = layer(over(draw(shape), lambda x: x.astype("float64")), training=True)
    assert y.dtype == "float64"
    assert {w.dtype for w in layer.weights if "seed" not in w.path} <= {
        "float64"
    }


def test_unit_rms_norm_does_not_round_float64():
    x = np.random.default_rng(0).normal(size=(2, 6, 8))
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
    found = layers.UnitRMSNorm(dtype="float64")(x)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.slow
def test_layers_train_inside_another_net():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((18, 15, 2)),
            layers.ConvBlock(8, kernel_size=3, strides=2),
            layers.InvertedResidual(8, expansion=2),
            layers.MobileViTBlock(12, depth=1, num_heads=3, patch_size=3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    labels = np.arange(16) % 2
    x = normal(16, 18, 15, 2) + labels[:, None, None, None]
    losses = [model.train_on_batch(x, labels) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]
