"""The models: published counts, shapes, order of outputs, weights."""

import inspect
import json

import keras
import numpy as np
import pytest
from random_values import pixels

from keras_mobilevit import MobileViTXXS
from keras_mobilevit.detection import (
    MobileViTSSDLiteS,
    MobileViTSSDLiteXS,
    MobileViTSSDLiteXXS,
    make_anchors,
)

CONSTRUCTORS = {
    "mobilevit_ssdlite_xxs": MobileViTSSDLiteXXS,
    "mobilevit_ssdlite_xs": MobileViTSSDLiteXS,
    "mobilevit_ssdlite_s": MobileViTSSDLiteS,
}
# Measured on the authors' code: trainable parameters, then the moving means
# and variances of the batch normalizations.
COUNTS = {
    "mobilevit_ssdlite_xxs": (1_755_050, 9_520),
    "mobilevit_ssdlite_xs": (2_742_042, 13_760),
    "mobilevit_ssdlite_s": (5_738_826, 17_184),
}
BACKBONES = {
    "mobilevit_ssdlite_xxs": 924_784,
    "mobilevit_ssdlite_xs": 1_895_216,
    "mobilevit_ssdlite_s": 4_833_952,
}
# Channels of the maps at stride 16 and 32.
CHANNELS = {
    "mobilevit_ssdlite_xxs": (64, 80),
    "mobilevit_ssdlite_xs": (80, 96),
    "mobilevit_ssdlite_s": (128, 160),
}


def expected_layers(c4, c5):
    """Trainable parameters of each layer behind the backbone, by hand.

    A convolution without bias has a batch normalization of 2 a channel.
    """
    depthwise = {
        channels: 9 * channels + 2 * channels for channels in (c5, 128, 256)
    }
    return {
        "extra2_depthwise": depthwise[c5],
        "extra2_pointwise": c5 * 256 + 2 * 256,
        "extra3_depthwise": depthwise[256],
        "extra3_pointwise": 256 * 128 + 2 * 128,
        "extra4_depthwise": depthwise[128],
        "extra4_pointwise": 128 * 128 + 2 * 128,
        "extra5_conv": 128 * 64,
        "head0_project": c4 * 512 + 2 * 512,
        "head0_depthwise": 9 * 512 + 2 * 512,
        "head0_predict": 512 * 510 + 510,
        "head1_project": c5 * 256 + 2 * 256,
        "head1_depthwise": depthwise[256],
        "head1_predict": 256 * 510 + 510,
        "head2_depthwise": depthwise[256],
        "head2_predict": 256 * 510 + 510,
        "head3_depthwise": depthwise[128],
        "head3_predict": 128 * 510 + 510,
        "head4_depthwise": depthwise[128],
        "head4_predict": 128 * 510 + 510,
        "head5_predict": 64 * 340 + 340,
    }


@pytest.fixture(scope="module", params=CONSTRUCTORS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def detector(name):
    return CONSTRUCTORS[name](weights=None)


@pytest.fixture(scope="module")
def small():
    """A detector that runs fast, with weights that tell inputs apart."""
    keras.utils.set_random_seed(0)
    return MobileViTSSDLiteXXS(weights=None, input_shape=(64, 96, 3), classes=3)


def count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


# === Architecture ===


def test_signature(name):
    parameters = inspect.signature(CONSTRUCTORS[name]).parameters
    assert {key: p.default for key, p in parameters.items()} == {
        "include_preprocessing": True,
        "weights": "coco",
        "backbone_weights": None,
        "input_tensor": None,
        "input_shape": None,
        "classes": 81,
        "name": name,
    }


def test_docstring_names_the_constructor(name):
    constructor = CONSTRUCTORS[name]
    assert constructor.__doc__.startswith(
        f"Instantiates the {constructor.__name__} architecture"
    )
    assert f"| {COUNTS[name][0]:,}  |" in constructor.__doc__


def test_counts(name, detector):
    found = (
        count(detector.trainable_weights),
        count(detector.non_trainable_weights),
    )
    assert found == COUNTS[name]


def test_counts_per_layer(name, detector):
    found = {
        layer.name: count(layer.trainable_weights)
        for layer in detector.layers
        if layer.weights and not layer.name.startswith(("stem", "stage"))
    }
    assert found == expected_layers(*CHANNELS[name])
    assert COUNTS[name][0] - sum(found.values()) == BACKBONES[name]


def test_number_of_norms(detector):
    norms = [
        layer
        for layer in detector._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 44
    assert all(layer.epsilon == pytest.approx(1e-5) for layer in norms)


def test_default_shapes(name, detector):
    assert detector.name == name
    assert detector.input_shape == (None, 320, 320, 3)
    assert detector.output_shape == (None, 3232, 85)
    sides = [detector.get_layer(f"head{i}_predict").output for i in range(6)]
    assert [tuple(x.shape[1:]) for x in sides] == [
        (20, 20, 510),
        (10, 10, 510),
        (5, 5, 510),
        (3, 3, 510),
        (2, 2, 510),
        (1, 1, 340),
    ]


def test_activations(detector):
    """SiLU in the backbone, ReLU behind it; depthwise ones are linear."""
    relu, linear = keras.activations.relu, keras.activations.linear
    for layer in detector.layers:
        if layer.name.startswith(("extra", "head")) and layer.weights:
            expected = relu
            if layer.name.endswith(("depthwise", "predict")):
                expected = linear
            assert layer.activation is expected, layer.name
    assert detector.get_layer("stem").activation is keras.activations.silu


def test_initial_kernels_are_glorot_uniform(detector):
    """The limit is sqrt(6 / (fan in + fan out)), as PyTorch counts them."""
    for name, fans in (
        ("head0_project", detector.get_layer("head0_project").input.shape[-1]),
        ("head0_depthwise", None),
        ("extra4_pointwise", 128),
    ):
        kernel = np.array(detector.get_layer(name).conv.kernel)
        total = 9 + 9 * 512 if fans is None else fans + kernel.shape[-1]
        # In float32, as the kernel: a draw may be the limit itself, rounded up.
        limit = np.float32(np.sqrt(6 / total))
        assert 0.98 * limit < abs(kernel).max() <= limit
        assert np.std(kernel) == pytest.approx(limit / np.sqrt(3), rel=0.05)


def test_extra_layers_hang_on_the_raw_map(detector):
    """Not on the one that the head of the level projects."""
    below = detector.get_layer("extra2_depthwise").input
    assert below is detector.get_layer("stage5_block").output
    assert detector.get_layer("head0_project").input is (
        detector.get_layer("stage4_block").output
    )


def test_order_of_the_outputs(small):
    """Levels, rows, columns, anchors; four offsets, then the classes."""
    maps = keras.Model(
        small.input,
        [small.get_layer(f"head{i}_predict").output for i in range(6)],
    )
    x = pixels(2, 64, 96, 3)
    expected = []
    for level, x_map in enumerate(maps(x)):
        x_map = np.array(x_map)
        anchors = 4 if level == 5 else 6
        assert x_map.shape[-1] == anchors * 7
        for row in range(x_map.shape[1]):
            for column in range(x_map.shape[2]):
                for anchor in range(anchors):
                    channels = slice(anchor * 7, anchor * 7 + 7)
                    expected.append(x_map[:, row, column, channels])
    found = np.array(small(x))
    assert found.std(axis=1).min() > 1e-3
    np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-6)


# === Sizes ===


@pytest.fixture(scope="module")
def dynamic():
    return MobileViTSSDLiteXXS(
        weights=None, input_shape=(None, None, 3), classes=3
    )


@pytest.mark.parametrize(
    "size", [(32, 32), (64, 96), (123, 75), (320, 64), (257, 320)]
)
def test_any_size_has_as_many_predictions_as_anchors(dynamic, size):
    found = dynamic(keras.Input((*size, 3))).shape
    assert found == (None, len(make_anchors(size)), 7)


def test_dynamic_size(dynamic, small):
    assert dynamic.output_shape == (None, None, 7)
    dynamic.set_weights(small.get_weights())
    x = pixels(2, 64, 96, 3)
    np.testing.assert_allclose(
        np.array(dynamic(x)), np.array(small(x)), atol=1e-5
    )
    anchors = len(make_anchors((75, 40)))
    assert dynamic(pixels(1, 75, 40, 3)).shape == (1, anchors, 7)


# === Values ===


@pytest.mark.slow
def test_preprocessing_divides_by_255(small):
    bare = MobileViTSSDLiteXXS(
        weights=None,
        input_shape=(64, 96, 3),
        classes=3,
        include_preprocessing=False,
    )
    bare.set_weights(small.get_weights())
    x = pixels(1, 64, 96, 3)
    expected = np.array(small(x))
    np.testing.assert_allclose(np.array(bare(x / 255)), expected, atol=1e-5)


def test_input_tensor(small):
    image = keras.Input((128, 192, 3))
    x = keras.layers.AveragePooling2D(2)(image)
    model = MobileViTSSDLiteXXS(weights=None, input_tensor=x, classes=3)
    assert model.inputs == [image]
    model.set_weights(small.get_weights())
    x = pixels(1, 64, 96, 3)
    np.testing.assert_allclose(
        np.array(model(x.repeat(2, axis=1).repeat(2, axis=2))),
        np.array(small(x)),
        atol=1e-5,
    )


def test_config_round_trip(small):
    config = json.loads(json.dumps(small.get_config()))
    copy = keras.Model.from_config(config)
    assert [w.path for w in copy.weights] == [w.path for w in small.weights]
    assert copy.get_layer("head0_project").activation is keras.activations.relu


@pytest.mark.slow
def test_keras_file_round_trip(small, tmp_path):
    path = tmp_path / "a.keras"
    small.save(path)
    copy = keras.models.load_model(path)
    x = pixels(1, 64, 96, 3)
    np.testing.assert_array_equal(np.array(copy(x)), np.array(small(x)))


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("mixed_precision")
def test_mixed_precision(small):
    model = MobileViTSSDLiteXXS(
        weights=None, input_shape=(64, 96, 3), classes=3
    )
    assert {str(w.dtype) for w in model.weights} == {"float32"}
    model.set_weights(small.get_weights())
    x = pixels(1, 64, 96, 3)
    found = model(x)
    assert found.dtype == "float16"
    expected = np.array(small(x))
    error = abs(np.array(found, np.float32) - expected).max()
    assert 0 < error < 0.02 * abs(expected).max()


# === Weights ===


@pytest.mark.slow
def test_backbone_starts_from_a_classifier(tmp_path):
    classifier = MobileViTXXS(weights=None, input_shape=(32, 32, 3), classes=7)
    rng = np.random.default_rng(0)
    classifier.set_weights(
        [rng.uniform(0.01, 0.1, w.shape) for w in classifier.get_weights()]
    )
    path = tmp_path / "a.weights.h5"
    classifier.save_weights(path)
    detector = MobileViTSSDLiteXXS(
        weights=None, backbone_weights=path, input_shape=(64, 64, 3), classes=3
    )
    for stage in ("stem", "stage2_ir3", "stage5_block"):
        found = detector.get_layer(stage).get_weights()
        expected = classifier.get_layer(stage).get_weights()
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    # The rest is as it is drawn: biases of 0.
    assert not np.any(detector.get_layer("head5_predict").get_weights()[1])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"weights": "no/such.pt"}, "path to the weights.*weights=no/such.pt"),
        ({"weights": "imagenet"}, r"\['coco'\].*weights=imagenet"),
        ({"weights": 3}, "weights=3"),
        ({"weights": "coco", "classes": 80}, "should be 81.*classes=80"),
        (
            {"weights": "coco", "backbone_weights": "cifar10"},
            "pass `weights=None`.*weights=coco, backbone_weights=cifar10",
        ),
        ({"backbone_weights": "no/such.pt"}, "backbone_weights=no/such.pt"),
        ({"backbone_weights": "coco"}, r"\['imagenet', 'cifar10'\]"),
        (
            {"weights": "coco", "input_shape": (64, 64, 1)},
            "must have 3 channels",
        ),
        (
            {"backbone_weights": "cifar10", "input_shape": (64, 64, 1)},
            "must have 3 channels",
        ),
        ({"classes": 1}, "at least 2.*classes=1"),
        ({"input_shape": (31, 64, 3)}, "at least 32x32"),
        ({"input_shape": (64, 64)}, "three integers"),
    ],
)
def test_argument_errors(options, match):
    with pytest.raises(ValueError, match=match):
        MobileViTSSDLiteXXS(**{"weights": None, **options})


def test_four_channels_warn():
    with pytest.warns(UserWarning, match="expects 1 or 3") as record:
        MobileViTSSDLiteXXS(weights=None, input_shape=(32, 32, 4), classes=2)
    assert record[0].filename == __file__  # points at the caller
