"""Which scaling of pixels a network expects: told by its layers, or asked."""

import keras
import numpy as np
import pytest

import keras_mobilevit
from keras_mobilevit.input_scaling import (
    expected_scaling,
    resolve_scaling,
    with_scaling,
)
from keras_mobilevit.layers import ResizeLike
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.pixel_scaling import (
    SCALINGS,
    PixelScaling,
    find_scaling,
)

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


def network(*first):
    inputs = x = keras.Input((8, 8, 3))
    for layer in first:
        x = layer(x)
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    return keras.Model(inputs, x, name="network")


def test_a_branch_that_reads_the_size_alone_does_not_count():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(rescaling(1 / 255)(image))
    model = keras.Model(image, ResizeLike()([x, image]))
    assert expected_scaling(model).scaling == SCALINGS["pixels"]


def normalization(mean, std):
    return keras.layers.Normalization(mean=mean, variance=np.square(std))


def rescaling(*arguments):
    return keras.layers.Rescaling(*arguments)


def batch_normalization(mean, variance):
    layer = keras.layers.BatchNormalization()
    layer.build((None, 8, 8, 3))
    layer.moving_mean.assign(np.full(3, mean))
    layer.moving_variance.assign(np.full(3, variance))
    return layer


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (lambda: [rescaling(1 / 255)], "pixels"),
        (lambda: [rescaling(1 / 127.5, -1)], "pixels"),
        # As of EfficientNet, behind augmentation.
        (
            lambda: [
                keras.layers.RandomFlip(),
                rescaling(1 / 255),
                normalization(MEAN, STD),
            ],
            "pixels",
        ),
        # As of ConvNeXt.
        (lambda: [normalization(255 * MEAN, 255 * STD)], "pixels"),
        # As of the first ResNets: blue, green, red, less their means.
        (
            lambda: [
                lambda x: x[..., ::-1],
                lambda x: x - np.array([103.9, 116.8, 123.7], "float32"),
            ],
            "pixels",
        ),
        (lambda: [lambda x: x / 127.5 - 1.0], "pixels"),
        (lambda: [keras.layers.Lambda(lambda x: x / 127.5 - 1)], "pixels"),
        (lambda: [keras.Sequential([rescaling(1 / 255)])], "pixels"),
        (lambda: [batch_normalization(120.0, 3600.0)], "pixels"),
        (lambda: [normalization(MEAN, STD)], "unit"),
        (lambda: [rescaling(2.0, -1.0)], "unit"),
        (lambda: [rescaling(255.0)], "unit"),
        (lambda: [batch_normalization(0.45, 0.06)], "unit"),
        (lambda: [rescaling(0.5, 0.5)], "signed"),
        (lambda: [rescaling(127.5, 127.5)], "signed"),
        # What could be made for anything.
        (lambda: [], None),
        (lambda: [rescaling(1.0)], None),
        (lambda: [batch_normalization(0.0, 1.0)], None),
        (lambda: [keras.layers.ReLU()], None),
        (lambda: [keras.layers.Lambda(lambda x: x * x)], None),
    ],
)
def test_first_layers(first, expected):
    scaling = expected_scaling(network(*first())).scaling
    assert scaling == (SCALINGS[expected] if expected else None)


def test_our_own_networks():
    """With preprocessing pixels, without it [0, 1], in any disguise."""
    options = dict(weights=None, input_shape=(32, 32, 3), classes=2)
    for included, expected in ((True, "pixels"), (False, "unit")):
        model = keras_mobilevit.MobileViTXXS(
            include_preprocessing=included, **options
        )
        nested = keras.Sequential([keras.Input((32, 32, 3)), model])
        for form in (model, keras.models.clone_model(model), nested):
            assert expected_scaling(form).scaling == SCALINGS[expected]


def test_sequential_models():
    """Keras calls their layers anew for each that is added."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.RandomFlip(),
            rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(2, 3),
            keras.layers.Flatten(),
        ]
    )
    assert expected_scaling(model).scaling == SCALINGS["pixels"]


def test_what_counts_for_more():
    unknown, pixels = network(), network(rescaling(1 / 255))
    signed = ImageSpec(scale=1 / 127.5, offset=-1)
    assert resolve_scaling(pixels) == SCALINGS["pixels"]
    assert resolve_scaling(pixels, signed) == SCALINGS["signed"]
    assert resolve_scaling(pixels, signed, "unit") == SCALINGS["unit"]
    unit = network(normalization(MEAN, STD))
    assert resolve_scaling(unit, ImageSpec()) == SCALINGS["unit"]
    assert resolve_scaling(unknown, ImageSpec()) == SCALINGS["pixels"]
    with pytest.raises(ValueError, match="'network'.*`Conv2D` 'conv'.*'unit'"):
        resolve_scaling(unknown)


def test_scalings_by_name():
    """The ends of the range, as published for each."""
    ends = np.array([[0, 0, 0], [255, 255, 255]])
    for name, low, high in (
        ("unit", 0, 1),
        ("signed", -1, 1),
        ("imagenet", -MEAN / STD, (1 - MEAN) / STD),
        ("0.485,0.456,0.406/0.229,0.224,0.225", -MEAN / STD, (1 - MEAN) / STD),
        ("0.5/0.5", -1, 1),
    ):
        found = find_scaling(name).apply(ends)
        np.testing.assert_allclose(found[0], np.full(3, low), atol=1e-6)
        np.testing.assert_allclose(found[1], np.full(3, high), atol=1e-6)
    for name in ("", "caffe", "0.5", "0/0", "1,2/3", "a/b", 3, None):
        with pytest.raises(ValueError, match="`scaling` must be 'pixels'"):
            find_scaling(name)


def test_pixels_of_inputs():
    pixels = np.arange(0, 255, 5, np.uint8).reshape(-1, 1, 1, 3)
    for scaling in SCALINGS.values():
        found = scaling.pixels_of(scaling.apply(pixels))
        np.testing.assert_allclose(found, pixels, atol=1e-3)
    assert SCALINGS["unit"].pixels_of(np.array([0.5, 1.1])) is None
    assert SCALINGS["signed"].pixels_of(np.array([0.5, np.nan])) is None


def test_networks_that_take_pixels():
    unit = network(normalization(MEAN, STD))
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3))
    pixels = pixels.astype(np.float32)
    for scaling in SCALINGS.values():
        scaled = with_scaling(unit, scaling)
        np.testing.assert_allclose(
            scaled(pixels), unit(scaling.apply(pixels)), rtol=1e-4, atol=1e-4
        )
        assert scaled.name == "network"
    with pytest.raises(ValueError, match="3 channels.*2 channels"):
        with_scaling(unit, PixelScaling((1.0, 2.0)))
