"""The feature pyramid: its sizes, output strides and weights files."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from random_values import pixels

from keras_mobilevit import MobileViTBackbone

# === Output strides ===


@pytest.fixture(scope="module")
def backbones():
    keras.utils.set_random_seed(0)
    return {
        stride: MobileViTBackbone(
            "mobilevit_xxs",
            output_stride=stride,
            weights=None,
        )
        for stride in (32, 16, 8)
    }


@pytest.mark.parametrize(
    ("stride", "sides"),
    [
        (32, (128, 64, 32, 16, 8)),
        (16, (128, 64, 32, 16, 16)),
        (8, (128, 64, 32, 32, 32)),
    ],
)
def test_pyramid_sizes(backbones, stride, sides):
    outputs = backbones[stride](keras.Input((256, 256, 3)))
    found = [x.shape[1:3] for x in outputs.values()]
    assert found == [(side, side) for side in sides]


@pytest.mark.parametrize(
    ("stride", "opening4", "opening5"),
    [
        (32, ((2, 2), (1, 1)), ((2, 2), (1, 1))),
        (16, ((2, 2), (1, 1)), ((1, 1), (1, 1))),
        (8, ((1, 1), (1, 1)), ((1, 1), (2, 2))),
    ],
)
def test_dilation(backbones, stride, opening4, opening5):
    """Only output stride 8 dilates, and only the opening of stage 5."""
    model = backbones[stride]
    for stage in model.layers:
        convolutions = [
            layer
            for layer in stage._flatten_layers()
            if isinstance(
                layer,
                keras.layers.Conv2D | keras.layers.DepthwiseConv2D,
            )
        ]
        for layer in convolutions:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            expected = (1, 1)
            if depthwise and stage.name in ("stage4_ir", "stage5_ir"):
                opening = opening4 if stage.name == "stage4_ir" else opening5
                assert tuple(layer.strides) == opening[0]
                expected = opening[1]
            assert tuple(layer.dilation_rate) == expected, layer.path


def test_same_weights_at_every_output_stride(backbones, tmp_path):
    path = tmp_path / "a.weights.h5"
    backbones[32].save_weights(path)
    x = pixels(1, 64, 64, 3)
    expected = {k: np.array(v) for k, v in backbones[32](x).items()}
    for stride in (16, 8):
        model = MobileViTBackbone(
            "mobilevit_xxs", output_stride=stride, weights=path
        )
        weights = zip(
            model.get_weights(), backbones[32].get_weights(), strict=True
        )
        for found, wanted in weights:
            np.testing.assert_array_equal(found, wanted)
        outputs = {k: np.array(v) for k, v in model(x).items()}
        shared = {16: 4, 8: 3}[stride]
        for level in range(1, 6):
            same = outputs[f"P{level}"].shape == expected[f"P{level}"].shape
            assert same == (level <= shared)
            if same:
                np.testing.assert_allclose(
                    outputs[f"P{level}"], expected[f"P{level}"], atol=1e-6
                )


# === Sizes ===


@pytest.fixture(scope="module")
def dynamic(backbones):
    return backbones[32]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (100, 75)])
def test_any_size(dynamic, size):
    x = pixels(2, *size, 3)
    outputs = dynamic(x)
    static = MobileViTBackbone(
        "mobilevit_xxs", weights=None, input_shape=(*size, 3)
    )
    static.set_weights(dynamic.get_weights())
    for level, (name, y) in enumerate(static(x).items(), start=1):
        sides = tuple(-(-side // 2**level) for side in size)
        assert y.shape[1:3] == static.output[name].shape[1:3] == sides
        expected = np.array(outputs[name])
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(
            np.array(y), expected, atol=1e-5 * abs(expected).max()
        )


@pytest.mark.slow
def test_any_size_inside_a_graph(dynamic):
    """Sizes that are unknown while a graph is traced."""
    call = tf.function(
        lambda x: dynamic(x)["P5"],
        input_signature=[tf.TensorSpec((None, None, None, 3))],
        autograph=False,
    )
    for size in ((33, 47), (100, 75)):
        x = pixels(2, *size, 3)
        expected = np.array(dynamic(x)["P5"])
        np.testing.assert_allclose(
            call(x).numpy(), expected, atol=1e-5 * abs(expected).max()
        )


# === Weights and arguments ===


def test_backbone_with_four_channels_warns():
    with pytest.warns(UserWarning, match="expects 1 or 3") as record:
        MobileViTBackbone(
            "mobilevit_xxs", weights=None, input_shape=(None, None, 4)
        )
    assert record[0].filename == __file__


def test_backbone_ignores_the_classifier_of_a_file(small, tmp_path):
    path = tmp_path / "a.weights.h5"
    small.save_weights(path)
    model = MobileViTBackbone("mobilevit_xxs", weights=path)
    found = model.get_layer("stage5_block").get_weights()
    expected = small.get_layer("stage5_block").get_weights()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"output_stride": 4}, "must be 8, 16 or 32.*output_stride=4"),
        ({"output_stride": None}, "`output_stride` must be"),
        ({"variant": "mobilevit_m"}, "variant=mobilevit_m"),
        ({"weights": "no/such.pt"}, "weights=no/such.pt"),
        ({"input_shape": (16, 64, 3)}, "at least 32x32"),
        ({"input_shape": (64, 3)}, "three integers"),
    ],
)
def test_backbone_argument_errors(options, match):
    options = {"variant": "mobilevit_xxs", "weights": None, **options}
    with pytest.raises(ValueError, match=match):
        MobileViTBackbone(**options)
