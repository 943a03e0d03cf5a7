"""The contract of `keras.applications`, and the published counts."""

import inspect
import json

import keras
import numpy as np
import pytest

from keras_mobilevit import MobileViTBackbone, mobilevit
from keras_mobilevit.mobilevit import MobileViTS, MobileViTXS, MobileViTXXS

CONSTRUCTORS = {
    "mobilevit_xxs": MobileViTXXS,
    "mobilevit_xs": MobileViTXS,
    "mobilevit_s": MobileViTS,
}
LAST_DIMS = {"mobilevit_xxs": 320, "mobilevit_xs": 384, "mobilevit_s": 640}

# Measured on the authors' code: trainable parameters, then the moving means
# and variances of the batch normalizations.
TOP = {
    "mobilevit_xxs": (1_272_024, 4_112),
    "mobilevit_xs": (2_317_848, 8_448),
    "mobilevit_s": (5_578_632, 12_256),
}
NOTOP = {
    "mobilevit_xxs": 951_024,
    "mobilevit_xs": 1_932_848,
    "mobilevit_s": 4_937_632,
}
BACKBONE = {
    "mobilevit_xxs": (924_784, 3_472),
    "mobilevit_xs": (1_895_216, 7_680),
    "mobilevit_s": (4_833_952, 10_976),
}
STAGE_NAMES = (
    "stem",
    "stage1_ir",
    "stage2_ir",
    "stage3_ir",
    "stage3_block",
    "stage4_ir",
    "stage4_block",
    "stage5_ir",
    "stage5_block",
    "head",
    "predictions",
)
STAGES = {
    "mobilevit_xxs": (
        464,
        1_472,
        7_696,
        *(4_176, 135_712),
        *(12_128, 329_696),
        *(20_256, 413_184),
        26_240,
        321_000,
    ),
    "mobilevit_xs": (
        464,
        3_968,
        54_048,
        *(24_128, 273_024),
        *(40_352, 658_800),
        *(60_672, 779_760),
        37_632,
        385_000,
    ),
    "mobilevit_s": (
        464,
        3_968,
        86_528,
        *(44_480, 612_288),
        *(91_264, 1_680_768),
        *(154_432, 2_159_760),
        103_680,
        641_000,
    ),
}
# Channels of P1 ... P5.
CHANNELS = {
    "mobilevit_xxs": (16, 24, 48, 64, 80),
    "mobilevit_xs": (32, 48, 64, 80, 96),
    "mobilevit_s": (32, 64, 96, 128, 160),
}


@pytest.fixture(scope="module", params=CONSTRUCTORS)
def variant(request):
    return request.param


@pytest.fixture(scope="module")
def constructor(variant):
    return CONSTRUCTORS[variant]


@pytest.fixture(scope="module")
def classifier(constructor):
    return constructor(weights=None)


@pytest.fixture(scope="module")
def extractor(constructor):
    return constructor(weights=None, include_top=False)


@pytest.fixture(scope="module")
def backbone(variant):
    return MobileViTBackbone(variant, weights=None)


@pytest.fixture(scope="module")
def small():
    """A classifier that runs fast, with weights that tell inputs apart."""
    keras.utils.set_random_seed(0)
    return MobileViTXXS(weights=None, input_shape=(32, 32, 3), classes=7)


def counts(model):
    def total(weights):
        return sum(int(np.prod(w.shape)) for w in weights)

    return total(model.trainable_weights), total(model.non_trainable_weights)


def pixels(*shape):
    image = np.random.default_rng(0).uniform(0, 255, shape)
    return image.astype(np.float32)


# === Signature ===


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


# === Counts ===


def test_counts_with_top(variant, classifier):
    assert counts(classifier) == TOP[variant]
    assert classifier.count_params() == sum(TOP[variant])


def test_counts_without_top(variant, extractor):
    assert counts(extractor) == (NOTOP[variant], TOP[variant][1])


def test_counts_of_the_backbone(variant, backbone):
    assert counts(backbone) == BACKBONE[variant]


def test_counts_per_stage(variant, classifier):
    found = dict.fromkeys(STAGE_NAMES, 0)
    for layer in classifier.layers:
        if layer.weights:
            name = layer.name
            name = "stage2_ir" if name.startswith("stage2_ir") else name
            found[name] += counts(layer)[0]
    assert found == dict(zip(STAGE_NAMES, STAGES[variant], strict=True))


def test_number_of_norms(classifier):
    layers = list(classifier._flatten_layers())
    for kind, count in (
        (keras.layers.BatchNormalization, 32),
        (keras.layers.LayerNormalization, 21),
    ):
        assert sum(isinstance(layer, kind) for layer in layers) == count


def test_norm_epsilons(classifier):
    """Keras' own default is 1e-3; the weights were trained with 1e-5."""
    kinds = (keras.layers.BatchNormalization, keras.layers.LayerNormalization)
    for layer in classifier._flatten_layers():
        if isinstance(layer, kinds):
            assert layer.epsilon == pytest.approx(1e-5), layer.path


# === Output shapes ===


def test_default_shapes(variant, classifier, extractor):
    assert classifier.name == variant
    assert classifier.input_shape == (None, 256, 256, 3)
    assert classifier.output_shape == (None, 1000)
    assert extractor.input_shape == (None, None, None, 3)
    assert extractor.output_shape == (None, None, None, LAST_DIMS[variant])


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


def test_backbone_with_four_channels_warns():
    with pytest.warns(UserWarning, match="expects 1 or 3") as record:
        MobileViTBackbone(
            "mobilevit_xxs", weights=None, input_shape=(None, None, 4)
        )
    assert record[0].filename == __file__


def test_notop_with_an_odd_size(variant, constructor):
    model = constructor(
        weights=None, include_top=False, input_shape=(123, 123, 3)
    )
    assert model.output_shape == (None, 4, 4, LAST_DIMS[variant])


def test_max_pooling(variant, constructor):
    model = constructor(weights=None, include_top=False, pooling="max")
    assert model.output_shape == (None, LAST_DIMS[variant])


@pytest.mark.parametrize(
    ("pooling", "reduce"), [("avg", np.mean), ("max", np.max)]
)
def test_pooling_values(pooling, reduce):
    options = dict(weights=None, include_top=False, input_shape=(64, 96, 3))
    maps = MobileViTXXS(**options)
    pooled = MobileViTXXS(**options, pooling=pooling)
    pooled.set_weights(maps.get_weights())
    x = pixels(2, 64, 96, 3)
    expected = reduce(np.array(maps(x)), axis=(1, 2))
    np.testing.assert_allclose(np.array(pooled(x)), expected, atol=1e-6)


def test_pooling_is_ignored_with_top():
    model = MobileViTXXS(weights=None, pooling="max", classes=5)
    assert isinstance(
        model.get_layer("avg_pool"), keras.layers.GlobalAveragePooling2D
    )


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


def test_dynamic_size_with_top():
    model = MobileViTXXS(weights=None, input_shape=(None, None, 3), classes=7)
    assert model.output_shape == (None, 7)
    for size in ((32, 32), (33, 47)):
        assert model(pixels(2, *size, 3)).shape == (2, 7)


# === Values ===


def test_config_round_trip(constructor, classifier):
    config = json.loads(json.dumps(classifier.get_config()))
    copy = classifier.__class__.from_config(config)
    shapes = [w.shape for w in classifier.weights]
    assert [w.shape for w in copy.weights] == shapes
    assert counts(copy) == counts(classifier)


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


@pytest.mark.parametrize("shape", [(2, 10), (1000,), (1, 1000, 1)])
def test_decode_predictions_rejects_other_shapes(shape):
    with pytest.raises(ValueError, match="expects a batch of predictions"):
        mobilevit.decode_predictions(np.zeros(shape))


# === Arguments out of their range ===


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


# === Feature pyramid ===


def test_pyramid_channels(variant, backbone):
    assert backbone.name == f"{variant}_backbone"
    assert list(backbone.output) == ["P1", "P2", "P3", "P4", "P5"]
    found = tuple(x.shape[-1] for x in backbone.output.values())
    assert found == CHANNELS[variant]


@pytest.fixture(scope="module")
def backbones():
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
