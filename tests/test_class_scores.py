"""Logits and probabilities: what is recorded, what is judged, who listens."""

import math

import keras
import numpy as np
import pytest
from image_files import encode, plain

from keras_mobilevit import layers
from keras_mobilevit.class_scores import (
    are_probabilities,
    to_logits,
    to_probabilities,
)
from keras_mobilevit.output_kind import is_dense_prediction, output_kind
from keras_mobilevit.tflite import (
    ImageModel,
    evaluate,
    export_tflite,
    read_metadata,
)
from keras_mobilevit.training.distillation import load_teacher

# === By their numbers ===


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([[0.25, 0.75], [1, 0]], True),
        ([[0.2539, 0.7656], [0.9961, 0]], True),  # 65/256, 196/256, 255/256
        ([[0.25, 0.75], [1, 0.06]], False),
        ([[0.25, 0.75], [0.9, 0.04]], False),
        ([[0.25, 0.75], [1.1, -0.1]], False),
        ([[3, 2], [1, 0]], False),
        # Of 600 classes, 599 of 1/1198 each: in 8 bits they are zeros.
        ([[0.5] + [0.0] * 599], True),
        ([[0.5 + 1e-6] + [0.0] * 599], False),
    ],
)
def test_probabilities_are_told_from_logits(outputs, expected):
    assert are_probabilities(np.array(outputs)) is expected


def test_probabilities_and_logits_are_converted():
    probabilities = np.array([[0.2, 0.8], [0.5, 0.5]])
    half = math.log(2)  # log(0.8 / 0.2) / 2
    logits = np.array([[-half, half], [0, 0]])
    np.testing.assert_allclose(to_logits(probabilities), logits, atol=1e-12)
    np.testing.assert_allclose(to_logits(logits + 3), logits, atol=1e-12)
    for outputs in (probabilities, logits + 3, logits - 1000):
        found = to_probabilities(outputs.astype(np.float64))
        np.testing.assert_allclose(found, probabilities, atol=1e-12)


def test_probability_zero_has_a_logit():
    """It is that of the smallest normal float32, 2 ** -126."""
    found = to_logits(np.array([[0.99, 0]], np.float32))
    half = 63 * math.log(2) + math.log(0.99) / 2
    np.testing.assert_allclose(found, [[half, -half]], rtol=1e-6)


def test_zeros_of_eight_bits_are_half_a_step():
    """255/256 and 0: the largest int8 probability beside the smallest."""
    output = np.array([[255, 0], [128, 128]], np.float32) / 256
    half = math.log(510) / 2  # 255/256 over 1/512
    np.testing.assert_allclose(
        to_logits(output), [[half, -half], [0, 0]], rtol=1e-12
    )


def test_what_is_recorded_is_not_judged():
    """Logits that look like probabilities, and scores that sum to two."""
    logits = np.array([[0.2, 0.5, 0.3]])
    assert are_probabilities(logits)
    assert not are_probabilities(logits, "logits")
    powers = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(to_probabilities(logits, "logits"), powers)
    centred = logits - logits.mean()
    np.testing.assert_allclose(to_logits(logits, "logits"), centred)
    sigmoids = np.array([[0.9, 0.8, 0.3]])
    assert not are_probabilities(sigmoids)
    np.testing.assert_array_equal(
        to_probabilities(sigmoids, "probabilities"), sigmoids
    )
    # Boxes and the like are judged, as what is unknown.
    assert are_probabilities(logits, "boxes")


# === By their layers ===


def head(*stack):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = layers.ConvBlock(4, name="stem")(x)
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)


POOL = keras.layers.GlobalAveragePooling2D


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (lambda: head(POOL(), keras.layers.Dense(3)), "logits"),
        (
            lambda: head(POOL(), keras.layers.Dense(3, "softmax")),
            "probabilities",
        ),
        (
            lambda: head(POOL(), keras.layers.Dense(1, "sigmoid")),
            "probabilities",
        ),
        (
            lambda: head(
                POOL(),
                keras.layers.Dense(3),
                keras.layers.Activation("softmax", dtype="float32"),
            ),
            "probabilities",
        ),
        (
            lambda: head(
                POOL(),
                keras.layers.Dense(3),
                keras.layers.Activation("linear", dtype="float32"),
            ),
            "logits",
        ),
        (
            lambda: head(POOL(), keras.layers.Dense(3), keras.ops.softmax),
            "probabilities",
        ),
        (
            lambda: head(POOL(), keras.layers.Dense(3), keras.layers.Softmax()),
            "probabilities",
        ),
        (
            lambda: keras.Sequential(
                [
                    keras.Input((16, 16, 3)),
                    head(POOL(), keras.layers.Dense(3, "softmax")),
                    keras.layers.Dropout(0.5),
                ]
            ),
            "probabilities",
        ),
        (lambda: head(POOL()), None),
        (lambda: head(), None),
        (lambda: head(POOL(), keras.layers.Dense(3, "relu")), None),
    ],
)
def test_the_last_layer_tells(model, kind):
    assert output_kind(model()) == kind


def test_several_outputs_have_no_kind():
    model = head(POOL(), keras.layers.Dense(3))
    assert output_kind(keras.Model(model.input, [model.output] * 2)) is None


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (lambda: [keras.layers.Conv2D(5, 1)], True),
        (lambda: [keras.layers.Conv2D(5, 1, activation="softmax")], True),
        (
            lambda: [
                keras.layers.Conv2D(5, 1),
                keras.layers.UpSampling2D(2, interpolation="bilinear"),
            ],
            True,
        ),
        (lambda: [keras.layers.Conv2DTranspose(5, 2, strides=2)], True),
        (lambda: [keras.layers.SeparableConv2D(5, 3)], True),
        (lambda: [keras.layers.Conv2D(5, 1, activation="relu")], False),
        (lambda: [], False),
        (lambda: [POOL(), keras.layers.Dense(5)], False),
    ],
)
def test_maps_of_classes_and_of_features(stack, expected):
    assert is_dense_prediction(head(*stack())) is expected


# === Who listens ===

# Their sum is 1, and none is negative.
LOGITS = (0.2, 0.5, 0.3)
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum()


def constant(scores, activation=None):
    dense = keras.layers.Dense(3, activation, kernel_initializer="zeros")
    block = layers.MobileViTBlock(8, depth=1, num_heads=1)
    model = head(block, POOL(), dense)
    dense.bias.assign(scores)
    return model


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("logits") / "a.tflite"
    return export_tflite(constant(LOGITS), path, "float32")


def test_files_record_it(file):
    assert read_metadata(file).output.kind == "logits"


def test_answers(file):
    (best, *_) = ImageModel(file).classify(encode(plain(9, 16, 16)))
    assert best.label == "1"
    assert best.probability == pytest.approx(PROBABILITIES[1], abs=1e-6)


@pytest.mark.parametrize("suffix", ["keras", "tflite"])
def test_teachers(file, tmp_path, suffix):
    if suffix == "keras":
        file = tmp_path / "a.keras"
        constant(LOGITS).save(file)
    teach = load_teacher(file, 3)
    found = teach(np.zeros((2, 16, 16, 3), np.float32))
    np.testing.assert_allclose(found, [PROBABILITIES] * 2, rtol=1e-5)


def test_evaluation(file, tmp_path):
    (tmp_path / "a.png").write_bytes(encode(plain(9, 16, 16)))
    softmax = constant(LOGITS, "softmax")
    results = evaluate(
        {"softmax": softmax, "keras": constant(LOGITS), "file": file}, tmp_path
    )
    assert results["keras"].sqnr > 100
    assert results["file"].sqnr > 100
