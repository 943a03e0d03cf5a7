"""The segmentation networks: counts, shapes, arguments, serialization."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from random_values import pixels

from keras_mobilevit import layers, reparameterize, segmentation
from keras_mobilevit.segmentation import (
    MobileViTDeepLabV3S,
    MobileViTDeepLabV3XS,
    MobileViTDeepLabV3XXS,
)

CONSTRUCTORS = {
    "xxs": MobileViTDeepLabV3XXS,
    "xs": MobileViTDeepLabV3XS,
    "s": MobileViTDeepLabV3S,
}
# Measured on the authors' code: trainable parameters with 21 classes, then
# the moving means and variances of the batch normalizations.
COUNTS = {
    "xxs": (1_854_853, 6_544),
    "xs": (2_944_069, 10_752),
    "s": (6_357_941, 14_048),
}
BACKBONES = {"xxs": 924_784, "xs": 1_895_216, "s": 4_833_952}
CHANNELS = {"xxs": 80, "xs": 96, "s": 160}


def small(**options):
    options = {"weights": None, "input_shape": (64, 96, 3), **options}
    return MobileViTDeepLabV3XXS(**options)


@pytest.fixture(scope="module")
def network():
    """A network whose outputs depend on its input."""
    keras.utils.set_random_seed(0)
    return small(classes=5)


@pytest.fixture(scope="module")
def dynamic(network):
    model = small(classes=5, input_shape=(None, None, 3))
    model.set_weights(network.get_weights())
    return model


@pytest.fixture(scope="module")
def traced(dynamic):
    """A graph for all sizes, which are unknown while it is traced."""
    return tf.function(
        dynamic, input_signature=[tf.TensorSpec((None, None, None, 3))]
    )


def size_of(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


# === Counts and structure ===


@pytest.fixture(scope="module", params=CONSTRUCTORS)
def built(request):
    variant = request.param
    return variant, CONSTRUCTORS[variant](weights=None)


def test_counts(built):
    variant, model = built
    found = (
        size_of(model.trainable_weights),
        size_of(model.non_trainable_weights),
    )
    assert found == COUNTS[variant]
    layers_ = list(model._flatten_layers())
    norms = [
        x for x in layers_ if isinstance(x, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 37


def test_counts_per_part(built):
    variant, model = built
    found = {"backbone": 0}
    for layer in model.layers:
        if layer.weights:
            name = layer.name
            part = "backbone" if name.startswith(("stage", "stem")) else name
            size = size_of(layer.trainable_weights)
            found[part] = found.get(part, 0) + size
    # A convolution of n inputs to 256 channels, and two vectors of its norm.
    one, three = (area * CHANNELS[variant] * 256 + 512 for area in (1, 9))
    assert found == {
        "backbone": BACKBONES[variant],
        "aspp": one + 3 * three + one + (5 * 256 * 256 + 512),
        "pixel_predictions": 256 * 21 + 21,
    }


def test_defaults(built):
    variant, model = built
    assert model.name == f"mobilevit_deeplabv3_{variant}"
    assert model.input_shape == (None, 512, 512, 3)
    assert model.output_shape == (None, 512, 512, 21)
    assert model.get_layer("pixel_predictions").output.shape[1:3] == (32, 32)


def test_signature():
    for variant, constructor in CONSTRUCTORS.items():
        parameters = inspect.signature(constructor).parameters
        assert {name: p.default for name, p in parameters.items()} == {
            "include_preprocessing": True,
            "weights": "pascal_voc",
            "backbone_weights": None,
            "input_tensor": None,
            "input_shape": None,
            "classes": 21,
            "output_stride": 16,
            "upsample": True,
            "name": f"mobilevit_deeplabv3_{variant}",
        }
        first = constructor.__doc__.splitlines()[0]
        name = constructor.__name__
        assert first == f"Instantiates the {name} architecture."


def test_activations(network):
    """ReLU in the head, SiLU in the backbone, no other."""
    relu, silu = keras.activations.relu, keras.activations.silu
    for layer in network.layers:
        blocks = [
            block
            for block in layer._flatten_layers()
            if isinstance(block, layers.ConvBlock)
        ]
        expected = {relu} if layer.name == "aspp" else {silu}
        linear = keras.activations.linear  # of inverted residuals
        found = {block.activation for block in blocks} - {linear}
        assert found == (expected if blocks else set())
    assert network.get_layer("pixel_predictions").activation is (
        keras.activations.linear
    )


def test_dropout_and_dilation(network):
    aspp = network.get_layer("aspp")
    assert aspp.drop.rate == 0.1
    top = network.get_layer("top_dropout")
    assert isinstance(top, keras.layers.SpatialDropout2D)
    assert top.rate == 0.1
    rates = [block.conv.dilation_rate for block in aspp.dilated]
    assert rates == [(6, 6), (12, 12), (18, 18)]


# === Values ===


@pytest.mark.slow
@pytest.mark.parametrize("stride", [16, 8])
def test_map_sides(stride):
    """The sides of the image over the stride, rounded up."""
    model = small(
        input_shape=(None, None, 3), upsample=False, output_stride=stride
    )
    assert model.output_shape == (None, None, None, 21)
    for size in ((32, 32), (100, 75)):
        sides = tuple(-(-side // stride) for side in size)
        assert model(pixels(1, *size, 3)).shape == (1, *sides, 21)


def test_upsample_resizes_the_map(network):
    cut = small(classes=5, upsample=False)
    cut.set_weights(network.get_weights())
    x = pixels(2, 64, 96, 3)
    logits = cut(x)
    expected = tf.image.resize(logits, (64, 96)).numpy()
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(
        np.array(network(x)), expected, atol=1e-6 * abs(expected).max()
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(33, 47), (100, 75)])
def test_any_size(dynamic, traced, network, size):
    """Unknown while a graph is traced, and known beforehand: the same."""
    static = small(classes=5, input_shape=(*size, 3))
    static.set_weights(network.get_weights())
    x = pixels(2, *size, 3)
    expected = np.array(static(x))
    assert static.output_shape == (None, *size, 5)
    assert expected.shape == (2, *size, 5) and np.isfinite(expected).all()
    for y in (dynamic(x), traced(x)):
        np.testing.assert_allclose(
            np.array(y), expected, atol=1e-5 * abs(expected).max()
        )


def test_preprocessing_divides_by_255(network):
    bare = small(classes=5, include_preprocessing=False)
    bare.set_weights(network.get_weights())
    x = pixels(1, 64, 96, 3)
    expected = np.array(network(x))
    np.testing.assert_allclose(
        np.array(bare(x / 255)), expected, atol=1e-5 * abs(expected).max()
    )


@pytest.mark.slow
def test_keras_file_round_trip(network, tmp_path):
    network.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    x = pixels(1, 64, 96, 3)
    np.testing.assert_array_equal(np.array(loaded(x)), np.array(network(x)))


def test_deploy_form(network):
    """Nothing but the MobileViT blocks changes."""
    deployed = reparameterize(network)
    x = pixels(1, 64, 96, 3)
    expected = np.array(network(x))
    np.testing.assert_allclose(
        np.array(deployed(x)), expected, atol=1e-5 * abs(expected).max()
    )


def test_mixed_precision(network):
    """Rounding to 11 bits through the convolutions, and no more."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = small(classes=5)
    finally:
        keras.config.set_dtype_policy(before)
    model.set_weights(network.get_weights())
    x = pixels(1, 64, 96, 3)
    y, expected = model(x), np.array(network(x))
    assert y.dtype == model.output.dtype == "float16"
    assert {w.dtype for w in model.weights} == {"float32"}
    error = abs(np.array(y, np.float32) - expected).max()
    assert 0 < error < 0.02 * abs(expected).max()


def test_input_tensor(network):
    image = keras.Input((64, 96, 3))
    x = keras.layers.Rescaling(0.5)(image)
    model = small(classes=5, input_shape=None, input_tensor=x)
    assert model.inputs == [image]
    model.set_weights(network.get_weights())
    x = pixels(1, 64, 96, 3)
    np.testing.assert_array_equal(np.array(model(x)), np.array(network(x / 2)))


def test_input_tensor_takes_a_backbone(network, tmp_path):
    path = tmp_path / "a.weights.h5"
    network.save_weights(path)
    image = keras.Input((64, 96, 4))
    x = keras.layers.Conv2D(3, 1)(image)
    model = small(input_shape=None, input_tensor=x, backbone_weights=path)
    found = model.get_layer("stage5_block").get_weights()
    expected = network.get_layer("stage5_block").get_weights()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


# === Arguments out of their range ===


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"weights": "imagenet"}, r"\['pascal_voc'\].*weights=imagenet"),
        ({"weights": "no/such.pt"}, "Received: weights=no/such.pt"),
        (
            {"backbone_weights": "pascal_voc"},
            "`backbone_weights` argument.*backbone_weights=pascal_voc",
        ),
        (
            {"weights": "pascal_voc", "backbone_weights": "imagenet"},
            "pass `weights=None` with it.*backbone_weights=imagenet",
        ),
        ({"weights": "pascal_voc", "classes": 11}, "should be 21.*classes=11"),
        (
            {"weights": "pascal_voc", "input_shape": (64, 64, 1)},
            r"must have 3 channels.*\(64, 64, 1\)",
        ),
        (
            {"backbone_weights": "imagenet", "input_shape": (64, 64, 1)},
            "must have 3 channels with `weights='imagenet'`",
        ),
        ({"output_stride": 32}, "must be 8 or 16.*output_stride=32"),
        ({"input_shape": (31, 64, 3)}, "at least 32x32"),
        ({"input_shape": (64, 64)}, "three integers"),
    ],
)
def test_argument_errors(options, match):
    with pytest.raises(ValueError, match=match):
        small(**options)


def test_cifar10_backbones_are_xxs():
    with pytest.raises(ValueError, match=r"\['imagenet'\] \(for mobilevit_s\)"):
        MobileViTDeepLabV3S(weights=None, backbone_weights="cifar10")


def test_four_channels_warn():
    with pytest.warns(UserWarning, match="expects 1 or 3") as record:
        small(input_shape=(32, 32, 4))
    assert record[0].filename == __file__


def test_public_names():
    assert segmentation.__all__ == sorted(segmentation.__all__)
    for name in segmentation.__all__:
        assert getattr(segmentation, name).__doc__.strip()
