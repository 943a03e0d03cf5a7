"""The uneven networks are what they are drawn to be, and exports cope.

What ImageNet does to an expansion is measured; see `TABLE`. Plain int8
collapses on such networks; the default recipe must not.
"""

import dataclasses
import re
import typing

import keras
import numpy as np
import pytest
from exported import predict
from uneven_networks import SPREADS, make_images, make_uneven_network

import keras_mobilevit
from keras_mobilevit.images import load_whole
from keras_mobilevit.tflite import (
    calibrate,
    convert,
    export_tflite,
    inspect,
    quantize,
    read_metadata,
)
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.recipes import int8, int8_accurate
from keras_mobilevit.tflite.quantization_debugging.probing import Probe

# Deviation of each channel over the rounding error of the step that int8 gives
# the tensor, in dB: that of the worst channel, the median, and the share of
# channels under 6 dB. Measured with photos of flowers on an XXS whose backbone
# was trained on ImageNet; the mean of the convolution and of the SiLU behind
# it.
TABLE = {
    "stage1_ir": (-5, 19.5, 0.22),
    "stage2_ir1": (-13, 11.5, 0.36),
    "stage2_ir2": (-1.5, 15.5, 0.18),
    "stage2_ir3": (4.5, 25.5, 0.05),
    "stage3_ir": (-1.5, 22, 0.20),
}
MILD = ("stage4_ir", "stage5_ir")
# Of all other tensors of the inverted residuals.
TAME = 17
EXPANSIONS = rf"^({'|'.join(TABLE)})/(expand|depthwise)/"


class Uneven(typing.NamedTuple):
    """A network, as a float file, and pictures that it has not seen."""

    model: keras.Model
    float_model: bytes
    calibration: Calibration
    images: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("mobilevit_xxs", "mobilevit_s")
    ],
)
def uneven(request, tmp_path_factory):
    size = (112, 112)
    model = make_uneven_network(request.param, size)
    float_model = convert(model)
    sample, _ = make_images(36, size, seed=1)
    images, labels = make_images(72, size, seed=2)
    return Uneven(
        model,
        float_model,
        calibrate(float_model, sample),
        images,
        labels,
        run(float_model, images, tmp_path_factory.mktemp("uneven")),
    )


def run(data, images, folder):
    path = folder / "a.tflite"
    path.write_bytes(data)
    return predict(path, images)


def plain_int8(float_model, calibration, **changes):
    """An int8 file by the recipe alone: one scale for each expansion."""
    recipe = dataclasses.replace(
        int8(), balance_channels=False, sequential_bias=False, **changes
    )
    return quantize(float_model, recipe, calibration)


def agreement(expected, actual):
    return np.mean(expected.argmax(axis=1) == actual.argmax(axis=1))


@pytest.fixture(scope="module")
def deviations(uneven):
    """Tensor of an inverted residual -> its channels over the error, in dB."""
    probe = Probe(uneven.float_model)
    (image_input,) = probe.graph.inputs
    tensors = {
        output.name: output.index
        for node in probe.graph.nodes
        for output in node.outputs
        if re.match(r"stage\d_ir", output.name) and node.kind != "LOGISTIC"
    }
    values = {name: [] for name in tensors}
    for image in uneven.images[:12]:
        probe.run({image_input.index: image[None].astype(np.float32)})
        for name, index in tensors.items():
            value = probe.values(index)
            values[name].append(value.reshape(-1, value.shape[-1]))
    found = {}
    for name, parts in values.items():
        low, high = uneven.calibration.ranges[name]
        step = (max(high, 0) - min(low, 0)) / 255
        deviation = np.concatenate(parts).std(axis=0)
        found[name] = 20 * np.log10(deviation / (step / np.sqrt(12)))
    return found


def expansion(deviations, layer):
    """Convolution, and SiLU behind it, as `(2, channels)`."""
    return np.stack(
        [deviations[f"{layer}/expand/{op}"] for op in ("conv_2d", "mul")]
    )


@pytest.mark.parametrize("layer", TABLE)
def test_expansions_are_as_uneven_as_measured(deviations, layer):
    worst, median, drowned = TABLE[layer]
    channels = expansion(deviations, layer)
    assert abs(channels.min(axis=1).mean() - worst) < 6
    assert abs(np.median(channels, axis=1).mean() - median) < 6
    assert abs((channels < 6).mean() - drowned) < 0.12


@pytest.mark.parametrize("layer", MILD)
def test_later_expansions_are_milder(deviations, layer):
    channels = expansion(deviations, layer)
    assert 4 < channels.min() < 12
    assert np.median(channels) > 24


def test_no_other_inverted_residual_is_uneven(deviations):
    """Padding only passes an expansion on."""
    others = {
        name: channels.min()
        for name, channels in deviations.items()
        if "/expand/" not in name and "/pad" not in name
    }
    assert len(others) > 20
    assert {name for name in others if others[name] < TAME} == set()
    assert set(TABLE) | set(MILD) == set(SPREADS)


def test_float_files_answer_as_keras(uneven):
    assert sqnr(predict(uneven.model, uneven.images), uneven.outputs) > 100


def test_classes_are_told_apart(uneven):
    hits = uneven.outputs.argmax(axis=1) == uneven.labels
    assert hits.mean() > 0.85


def test_plain_int8_collapses(uneven, tmp_path):
    file = plain_int8(uneven.float_model, uneven.calibration)
    outputs = run(file, uneven.images, tmp_path)
    assert sqnr(uneven.outputs, outputs) < 5
    assert agreement(uneven.outputs, outputs) < 0.6


def test_nothing_but_the_uneven_expansions_is_to_blame(uneven, tmp_path):
    file = plain_int8(
        uneven.float_model,
        uneven.calibration,
        skip_layers=(*int8().skip_layers, EXPANSIONS),
    )
    outputs = run(file, uneven.images, tmp_path)
    assert sqnr(uneven.outputs, outputs) > 16
    assert agreement(uneven.outputs, outputs) > 0.97


def test_accurate_int8_is_spared(uneven, tmp_path):
    file = quantize(uneven.float_model, int8_accurate(), uneven.calibration)
    outputs = run(file, uneven.images, tmp_path)
    assert sqnr(uneven.outputs, outputs) > 22
    assert agreement(uneven.outputs, outputs) > 0.97


def test_seeds_draw_networks(uneven):
    first, again = (
        make_uneven_network(
            "mobilevit_xxs", (32, 48), classes=2, seed=3
        ).get_weights()
        for _ in range(2)
    )
    # Sums of several threads may differ in the last digits.
    for one, two in zip(first, again, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3)
    # The stem is of the same shape in all of them.
    assert np.abs(first[0] - uneven.model.get_weights()[0]).max() > 0.01


def test_seeds_draw_images():
    first, again, other = (
        make_images(3, (32, 48), seed=seed)[0] for seed in (3, 3, 4)
    )
    assert (first == again).all()
    assert (first != other).any()


# === The default recipe ===


@pytest.fixture(scope="module")
def exported(uneven, tmp_path_factory):
    """A default export of an uneven network: its file and held-out answers."""
    sample, _ = make_images(100, uneven.images.shape[1:3], seed=1)
    path = tmp_path_factory.mktemp("exported") / "a.tflite"
    # Warnings are errors: there must be none.
    export_tflite(uneven.model, path, "int8", calibration=sample)
    return path, predict(path, uneven.images)


@pytest.mark.slow
def test_the_default_recipe_does_not_collapse(uneven, exported):
    path, outputs = exported
    # What an export promises by default. The plain file has less than 5 dB.
    assert sqnr(uneven.outputs, outputs) >= 15
    assert agreement(uneven.outputs, outputs) >= 0.95
    facts = read_metadata(path).fidelity
    assert facts["balanced"] and not facts["escalated"]


@pytest.mark.slow
def test_the_default_recipe_leaves_one_partition(exported):
    path, _ = exported
    inspect(path).require_full_delegation()


@pytest.mark.slow
def test_balancing_adds_little_to_the_file(uneven, exported):
    path, _ = exported
    plain = plain_int8(uneven.float_model, uneven.calibration)
    assert path.stat().st_size < 1.05 * len(plain)


@pytest.mark.slow
def test_a_real_fine_tune_stays_near_to_float(shared_dir, tmp_path):
    """Its backbone was trained on ImageNet; the photos are of corn leaves."""
    weights = shared_dir / "data/real_weights/mobilevit_xxs_corn5.pth"
    folder = shared_dir / "data/corn4"
    if not (weights.is_file() and folder.is_dir()):
        pytest.skip(f"no {weights} or {folder}")
    size = (224, 224)
    model = keras_mobilevit.MobileViTXXS(
        weights=weights, classes=5, input_shape=(*size, 3)
    )
    train, test = (
        sorted(p for p in (folder / part).rglob("*") if p.is_file())
        for part in ("train", "test")
    )
    chosen = np.linspace(0, len(train) - 1, 100).round().astype(int)
    sample, _ = load_whole([train[i] for i in chosen], size)
    images, _ = load_whole(test[::8], size)
    path = export_tflite(
        model, tmp_path / "a.tflite", "int8", calibration=sample
    )
    expected, actual = predict(model, images), predict(path, images)
    assert agreement(expected, actual) >= 0.97
    assert sqnr(expected, actual) >= 25
