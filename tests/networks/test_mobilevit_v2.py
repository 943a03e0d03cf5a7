"""MobileViTv2 against published figures, and as `keras.applications` behave."""

import inspect

import keras
import numpy as np
import pytest

import keras_mobilevit
from keras_mobilevit import detection, segmentation
from keras_mobilevit.architectures.mobilevit_v2 import MOBILEVIT_V2
from keras_mobilevit.configs_v2 import VARIANTS
from keras_mobilevit.mobilevit_v2 import CONSTRUCTORS, MobileViTV2Backbone

# Trainable parameters and moving moments, of the authors' own code.
COUNTS = {
    "mobilevitv2_050": (1_370_593, 7_776),
    "mobilevitv2_075": (2_866_009, 11_664),
    "mobilevitv2_100": (4_901_841, 15_552),
    "mobilevitv2_125": (7_478_089, 19_440),
    "mobilevitv2_150": (10_594_753, 23_328),
    "mobilevitv2_175": (14_251_833, 27_216),
    "mobilevitv2_200": (18_449_329, 31_104),
}
# In millions, as the authors list them.
DEEPLAB = {"050": 6.2, "100": 13.3, "125": 17.7, "150": 22.6}
SSDLITE = {"050": 2.0, "075": 3.6, "100": 5.6, "125": 8.2, "200": 19.1}


def count(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


@pytest.fixture(scope="module")
def small():
    return CONSTRUCTORS["mobilevitv2_050"](
        weights=None, classes=7, input_shape=(None, None, 3)
    )


@pytest.fixture(scope="module")
def backbones():
    return {
        stride: MobileViTV2Backbone(
            "mobilevitv2_050", weights=None, output_stride=stride
        )
        for stride in (32, 16, 8)
    }


# === Published figures ===


@pytest.mark.parametrize("variant", COUNTS)
def test_parameters(variant):
    model = CONSTRUCTORS[variant](weights=None)
    trainable, moments = COUNTS[variant]
    assert count(model.trainable_weights) == trainable
    assert count(model.non_trainable_weights) == moments
    assert VARIANTS[variant].parameters == trainable
    assert model.name == variant


@pytest.mark.slow
@pytest.mark.parametrize("width", DEEPLAB)
def test_parameters_of_deeplabv3(width):
    make = getattr(segmentation, f"MobileViTV2DeepLabV3_{width}")
    model = make(input_shape=(64, 64, 3))
    # Theirs may or may not include a second classifier for training.
    published = DEEPLAB[width]
    assert count(model.trainable_weights) / 1e6 == pytest.approx(
        published, abs=0.1
    )
    assert model.output_shape == (None, 64, 64, 21)


@pytest.mark.slow
@pytest.mark.parametrize("width", SSDLITE)
def test_parameters_of_ssdlite(width):
    model = getattr(detection, f"MobileViTV2SSDLite_{width}")()
    assert round(count(model.trainable_weights) / 1e6, 1) == SSDLITE[width]
    assert model.output_shape == (None, 3232, 85)


def test_weights_and_their_files():
    every = tuple(COUNTS)
    wide = every[4:]
    named = MOBILEVIT_V2.weights["classification"]
    assert {name: config.variants for name, config in named.items()} == {
        "imagenet": every,
        "imagenet_384": every,
        "imagenet21k_1k": wide,
        "imagenet21k_1k_384": wide,
    }
    for name, config in named.items():
        side = 384 if name.endswith("384") else 256
        assert config.info.image.size == (side, side)
    # As timm and keras_cv_attention_models publish them.
    files = MOBILEVIT_V2.files
    names = [s.filename for s in files["imagenet"]["mobilevitv2_050"]]
    assert names == [
        "mobilevit_v2_050_256_imagenet.h5",
        "mobilevitv2_050-49951ee2.pth",
        "mobilevitv2-0.5.pt",
    ]
    last = files["imagenet21k_1k_384"]["mobilevitv2_200"][-1]
    assert last.url.endswith(
        "/cvnets-v2/classification/mobilevitv2/imagenet21k_to_1k/384x384/"
        "mobilevitv2-2.0.pt"
    )
    assert files["coco"]["mobilevitv2_175"][0].url.endswith(
        "/cvnets-v2/detection/mobilevitv2/coco-ssd-mobilevitv2-1.75.pt"
    )


# === Strides and dilations ===


@pytest.mark.parametrize(
    ("stride", "sides"),
    [
        (32, (128, 64, 32, 16, 8)),
        (16, (128, 64, 32, 16, 16)),
        (8, (128, 64, 32, 32, 32)),
    ],
)
def test_pyramid_sizes(backbones, stride, sides):
    shape = (1, 256, 256, 3)
    shapes = backbones[stride].compute_output_shape(shape)
    assert [shapes[f"P{i}"][1] for i in range(1, 6)] == list(sides)
    assert [shapes[f"P{i}"][3] for i in range(1, 6)] == [32, 64, 128, 192, 256]


@pytest.mark.parametrize(
    ("stride", "inverted", "blocks"),
    [
        (32, (1, 1), (1, 1, 1)),
        (16, (1, 1), (1, 1, 2)),
        (8, (1, 2), (1, 2, 4)),
    ],
)
def test_dilation(backbones, stride, inverted, blocks):
    """Measured on the authors' network."""
    backbone = backbones[stride]
    found = [backbone.get_layer(f"stage{i}_ir").dilation_rate for i in (4, 5)]
    assert found == list(inverted)
    found = [
        backbone.get_layer(f"stage{i}_block").dilation_rate for i in (3, 4, 5)
    ]
    assert found == list(blocks)


# === Sizes ===


@pytest.mark.parametrize(
    ("size", "last"),
    # 200 is halved to 7, and a block rounds it up; so is 9 of 132 to 10, which
    # the next halving takes to 5 and the last block to 6.
    [((64, 96), (2, 3 + 1)), ((200, 200), (8, 8)), ((132, 64), (6, 2))],
)
def test_sides_are_rounded_up_to_patches(size, last):
    model = CONSTRUCTORS["mobilevitv2_050"](
        weights=None, include_top=False, input_shape=(*size, 3)
    )
    assert model.output_shape == (None, *last, 256)


def test_static_and_dynamic_sizes_agree(small):
    static = CONSTRUCTORS["mobilevitv2_050"](
        weights=None, classes=7, input_shape=(72, 40, 3)
    )
    static.set_weights(small.get_weights())
    image = np.random.default_rng(0).uniform(0, 255, (1, 72, 40, 3))
    np.testing.assert_allclose(
        small.predict(image, verbose=0),
        static.predict(image, verbose=0),
        atol=1e-6,
    )


# === Constructors ===


@pytest.mark.parametrize("variant", COUNTS)
def test_signature(variant):
    constructor = CONSTRUCTORS[variant]
    width = variant.rpartition("_")[2]
    assert constructor is getattr(keras_mobilevit, f"MobileViTV2_{width}")
    first = inspect.signature(keras_mobilevit.MobileViTS).parameters
    own = inspect.signature(constructor).parameters
    assert list(own) == list(first)
    for name in list(own)[:-1]:
        assert own[name].default == first[name].default
    assert own["name"].default == variant
    assert f"MobileViTV2_{width}(weights=None" in constructor.__doc__


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (dict(weights="cifar10"), "one of.*imagenet_384.*mobilevitv2_050"),
        (dict(weights="imagenet21k_1k"), "weights=imagenet21k_1k"),
        (dict(weights="imagenet", classes=10), "should be 1000"),
        (dict(weights=None, pooling="sum"), "pooling=sum"),
        (dict(weights=None, input_shape=(16, 64, 3)), "at least 32x32"),
    ],
)
def test_argument_errors(options, match):
    with pytest.raises(ValueError, match=match):
        keras_mobilevit.MobileViTV2_050(**options)


def test_backbone_of_another_architecture():
    with pytest.raises(ValueError, match="mobilevitv2_050.*mobilevit_s"):
        MobileViTV2Backbone("mobilevit_s", weights=None)


def test_default_size_is_that_of_the_weights(monkeypatch):
    monkeypatch.setattr(
        "keras_mobilevit.backbone.load_weights", lambda *arguments: None
    )
    model = keras_mobilevit.MobileViTV2_150(weights="imagenet21k_1k_384")
    assert model.input_shape == (None, 384, 384, 3)


@pytest.mark.parametrize("suffix", ["keras", "weights.h5"])
def test_files(small, tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    if suffix == "keras":
        small.save(path)
        loaded = keras.models.load_model(path)
    else:
        small.save_weights(path)
        loaded = CONSTRUCTORS["mobilevitv2_050"](
            weights=path, classes=7, input_shape=(None, None, 3)
        )
    np.testing.assert_array_equal(
        loaded.predict(image, verbose=0), small.predict(image, verbose=0)
    )


def test_mixed_precision(small):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = CONSTRUCTORS["mobilevitv2_050"](
            weights=None, classes=7, input_shape=(64, 64, 3)
        )
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage3_block").compute_dtype == "bfloat16"
    model.set_weights(small.get_weights())
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    np.testing.assert_allclose(
        np.asarray(keras.ops.cast(model(image), "float32")),
        small.predict(image, verbose=0),
        atol=0.05,
    )
