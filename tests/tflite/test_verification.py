"""int8 exports are compared with float32 on reserved images, and escalated."""

import dataclasses
import json
import math
import re
import warnings
import zipfile

import numpy as np
import pytest
from exported import predict
from micro_model import Tensor, micro_model
from small_model import LABELS, make_images
from tiny_dense import DENSE_SIZE, make_tiny_detector, make_tiny_segmenter
from tiny_model import TINY_SIZE, make_tiny_model

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite import (
    Recipe,
    convert,
    export_baseline,
    export_recipes,
    export_tflite,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.delegation_check import delegation_gaps
from keras_mobilevit.tflite.flatbuffer import ParsedFile
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.output_fidelity import (
    describe_fidelity,
    fidelity_meter,
)
from keras_mobilevit.tflite.quantization.calibration_set import CalibrationSet
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8, int8_full

IMAGES = np.stack(make_images(40, TINY_SIZE, seed=1))
SPLIT = CalibrationSet(IMAGES).reserve()
VERIFICATION = "keras_mobilevit.tflite.verification"


def plain(recipe, **fields):
    """A recipe that leaves uneven channels alone: the collapse is whole."""
    return dataclasses.replace(
        recipe, balance_channels=False, sequential_bias=False, **fields
    )


PLAIN = plain(int8())


def make_collapsing_model():
    """One channel is a hundred times as large as its neighbours.

    The next kernel makes up for it, so that only a shared scale suffers.
    """
    model = make_tiny_model()
    weights = {w.path: w for w in model.get_layer("stage0_ir").weights}
    for path, weight in weights.items():
        values = np.array(weight)
        if re.search(r"expand/norm/(gamma|beta)$", path):
            values[0] *= 100
        elif path.endswith("depthwise/conv/kernel"):
            values[:, :, 0] /= 100
        weight.assign(values)
    return model


@pytest.fixture(scope="module")
def collapsing():
    return make_collapsing_model()


@pytest.fixture(scope="module")
def collapsing_float(collapsing):
    return convert(collapsing)


@pytest.fixture
def collapsing_converted(monkeypatch, collapsing_float):
    monkeypatch.setattr(
        "keras_mobilevit.tflite.export.convert_parsed",
        lambda model, size: ParsedFile.parse(collapsing_float),
    )


def graph_bytes(path):
    """A file without its metadata."""
    with zipfile.ZipFile(path) as archive:
        return path.read_bytes()[: archive.infolist()[0].header_offset]


def decibels(signal, error):
    return 10 * math.log10(np.sum(signal**2) / np.sum(error**2))


def centred(logits):
    logits = logits.astype(np.float64)
    return logits - logits.mean(axis=-1, keepdims=True)


def class_fidelity(float_path, int8_path, images):
    """SQNR in dB and agreement in percent of two classifiers."""
    expected, actual = (predict(p, images) for p in (float_path, int8_path))
    first, second = (centred(np.log(p)) for p in (expected, actual))
    same = expected.argmax(axis=1) == actual.argmax(axis=1)
    return decibels(first, second - first), 100 * np.mean(same)


# === What is measured ===


def test_the_figure_is_that_of_the_reserved_images(tiny, converted, tmp_path):
    float_path, path = export_recipes(
        tiny,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        calibration=IMAGES,
        labels=LABELS,
    )
    facts = read_metadata(path).fidelity
    assert len(SPLIT.reserved) == 8
    sqnr, agreement = class_fidelity(float_path, path, SPLIT.reserved)
    assert facts["sqnr_db"] == pytest.approx(sqnr, abs=0.01)
    assert facts["agreement_percent"] == agreement
    assert (facts["images"], facts["threshold_db"]) == (8, 15)
    assert facts["parts_db"] == {"logits": facts["sqnr_db"]}
    assert (facts["escalated"], facts["escalated_layers"]) == (False, [])
    # On the others it would be another.
    other, _ = class_fidelity(float_path, path, SPLIT.images)
    assert abs(facts["sqnr_db"] - other) > 0.01
    assert read_metadata(float_path).fidelity == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", [IMAGES, list(IMAGES)], ids=["array", "list"]
)
def test_reserved_images_neither_calibrate_nor_choose(
    collapsing, collapsing_converted, tmp_path, monkeypatch, source
):
    """All that a file is made by sees the others; only measuring sees them."""
    seen = {}

    def spy(target, position):
        module, name = target.rsplit(".", 1)
        function = getattr(__import__(module, fromlist=[name]), name)

        def call(*arguments, **options):
            seen.setdefault(name, []).append(arguments[position])
            return function(*arguments, **options)

        monkeypatch.setattr(target, call)

    spy("keras_mobilevit.tflite.quantization.prepare.calibrate_model", 1)
    spy("keras_mobilevit.tflite.quantization.prepare.balance_channels", 1)
    spy(f"{VERIFICATION}.correct_biases_in_sequence", 2)
    spy(f"{VERIFICATION}.guard_accuracy", 3)
    spy(f"{VERIFICATION}.rank_layers", 3)
    spy(f"{VERIFICATION}.parsed_meter", 1)
    with pytest.warns(UserWarning, match="layers? in float"):
        export_tflite(
            collapsing, tmp_path / "a.tflite", calibration=source, min_sqnr=40
        )
    reserved = {image.tobytes() for image in SPLIT.reserved}
    (measured, ranked) = (
        {image.tobytes() for image in images}
        for images in seen.pop("parsed_meter")
    )
    assert measured == reserved
    assert not ranked & reserved
    assert set(seen) == {
        "balance_channels",
        "calibrate_model",
        "guard_accuracy",
        "correct_biases_in_sequence",
        "rank_layers",
    }
    for name, calls in seen.items():
        for images in calls:
            assert not {image.tobytes() for image in images} & reserved, name
    np.testing.assert_array_equal(seen["calibrate_model"][0], SPLIT.images)


@pytest.mark.slow
@pytest.mark.parametrize("count", [40, 15, 2, 1])
def test_few_images_are_said_to_be_few(
    tiny, converted, tmp_path, recwarn, count
):
    warnings.simplefilter("always")
    path = export_tflite(
        tiny, tmp_path / "a.tflite", calibration=IMAGES[:count], min_sqnr=0
    )
    told = [str(w.message) for w in recwarn if "compared" in str(w.message)]
    facts = read_metadata(path).fidelity
    if count == 40:
        assert told == []
    elif count == 1:
        assert "no image left" in told[0] and facts == {}
    else:
        assert f"only {count // 2} of {count} images" in told[0]
        assert "at least 16 different calibration images" in told[0]
        assert facts["images"] == count // 2


@pytest.mark.parametrize("ends", ["float32", "int8", "uint8"])
def test_rounded_probabilities_are_measured_before_softmax(
    tiny_float, tiny_calibration, ends
):
    """Else a zero of 8 bits would stand for all improbable classes."""
    recipe = dataclasses.replace(int8(), output_type=ends)
    measure = fidelity_meter(tiny_float, IMAGES[:8], "classification")
    figures = [
        measure(quantize(tiny_float, r, tiny_calibration)).sqnr
        for r in (recipe, int8())
    ]
    assert figures[0] == pytest.approx(figures[1], abs=0.7)


def test_outputs_that_are_no_numbers_are_no_match():
    """And no infinite SQNR, as no noise at all would be."""
    pixels, row = Tensor((1, 2, 2, 3)), Tensor((1, 12))

    def file(divisor):
        tensors = {
            "image": pixels,
            "divisor": Tensor((3,), values=divisor),
            "scaled": pixels,
            "shape": Tensor((2,), "int32", values=(1, 12)),
            "output": row,
        }
        nodes = [
            ("DIV", ["image", "divisor"], ["scaled"], ("DivOptions", {})),
            ("RESHAPE", ["scaled", "shape"], ["output"], None),
        ]
        return micro_model(tensors, nodes, signature="serve")

    images = np.random.default_rng(0).integers(0, 255, (4, 2, 2, 3), np.uint8)
    images[0] = 0
    measure = fidelity_meter(file(1), images, "classification")
    assert measure(file(1)).sqnr == 200
    assert measure(file(0)).sqnr == -200
    assert 5 < measure(file(1.5)).sqnr < 15


def test_logits_that_look_like_probabilities():
    """Rows of a linear layer may be positive and sum to one by chance."""
    pixel, row = Tensor((1, 1, 1, 3)), Tensor((1, 3))

    def file(divisor):
        tensors = {
            "image": pixel,
            "divisor": Tensor((3,), values=divisor),
            "scaled": pixel,
            "shape": Tensor((2,), "int32", values=(1, 3)),
            "output": row,
        }
        nodes = [
            ("DIV", ["image", "divisor"], ["scaled"], ("DivOptions", {})),
            ("RESHAPE", ["scaled", "shape"], ["output"], None),
        ]
        return micro_model(tensors, nodes, signature="serve")

    images = np.array([[200, 50, 5], [10, 240, 5], [90, 80, 85]], np.uint8)
    measure = fidelity_meter(
        file(255), images.reshape(3, 1, 1, 3), "classification"
    )
    # All outputs are half as large: the error has a quarter of the power.
    assert measure(file(510)).sqnr == pytest.approx(10 * math.log10(4))


# === Escalation ===


def test_a_collapsed_file_is_escalated(
    collapsing, collapsing_converted, collapsing_float, tmp_path
):
    with pytest.warns(UserWarning, match="layers? in float") as caught:
        path = export_tflite(
            collapsing, tmp_path / "a.tflite", PLAIN, calibration=IMAGES
        )
    (told,) = (str(w.message) for w in caught)
    metadata = read_metadata(path)
    facts = metadata.fidelity
    assert facts["escalated"] is True
    assert "stage0_ir" in facts["escalated_layers"]
    assert facts["sqnr_before_db"] < 5 and facts["sqnr_db"] >= 15
    # It is the file that has that figure, by the recipe that it tells.
    float_path = tmp_path / "float32.tflite"
    float_path.write_bytes(collapsing_float)
    sqnr, agreement = class_fidelity(float_path, path, SPLIT.reserved)
    assert facts["sqnr_db"] == pytest.approx(sqnr, abs=0.01)
    assert facts["agreement_percent"] == agreement
    recipe = Recipe.from_json(json.dumps(dict(metadata.recipe_fields)))
    assert metadata.recipe == recipe.name == "int8_searched"
    assert any("stage0_ir" in scope for scope in recipe.skip_layers)
    inspect(path).require_full_delegation()
    # What was done, what it gained, what it costs.
    assert f"{facts['sqnr_before_db']:.1f} dB against float32 on 8" in told
    assert ", ".join(facts["escalated_layers"]) in told
    assert f"it has {facts['sqnr_db']:.1f} dB" in told
    assert 0.2 < float(re.search(r"takes (\S+) times as long", told)[1]) < 9
    assert "without" in describe_fidelity(metadata.recipe, facts)
    again = tmp_path / "b.tflite"
    export_tflite(collapsing, again, recipe, calibration=IMAGES)
    assert graph_bytes(again) == graph_bytes(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "advice"),
    [
        (plain(int8()), "'int8_accurate'"),
        (plain(int8(), name="int8_accurate"), "'dynamic'"),
        # NPUs take nothing else, so it stays what it is.
        (plain(int8_full()), "'int8_accurate'"),
    ],
    ids=["int8", "int8_accurate", "int8_full"],
)
def test_without_escalation_the_way_out_is_told(
    collapsing, collapsing_converted, tmp_path, recipe, advice
):
    with pytest.warns(UserWarning, match="less than min_sqnr=15") as caught:
        path = export_tflite(
            collapsing,
            tmp_path / "a.tflite",
            recipe,
            calibration=IMAGES,
            escalate=recipe.name == "int8_full",
        )
    (told,) = (str(w.message) for w in caught)
    metadata = read_metadata(path)
    facts = metadata.fidelity
    assert f"{recipe.name} has {facts['sqnr_db']:.1f} dB" in told
    assert f"Use the recipe {advice} instead." in told
    worst = re.findall(r"([\w/]+) \((-?[\d.]+) dB\)", told)
    assert len(worst) == 3 and worst[0][0] == "stage0_ir"
    figures = [float(figure) for _, figure in worst]
    assert figures == sorted(figures)
    assert facts["escalated"] is False
    assert metadata.recipe == recipe.name


def test_ends_in_int8_are_escalated_too(
    collapsing, collapsing_converted, tmp_path
):
    recipe = plain(int8(), input_type="int8", output_type="uint8")
    with pytest.warns(UserWarning, match="layers? in float"):
        path = export_tflite(
            collapsing, tmp_path / "a.tflite", recipe, calibration=IMAGES
        )
    found = inspect(path)
    assert (found.inputs[0].dtype, found.outputs[0].dtype) == ("int8", "uint8")
    assert found.fidelity["escalated"] and found.fidelity["sqnr_db"] >= 15


def test_the_best_is_written_where_nothing_is_enough(tiny, converted, tmp_path):
    with pytest.warns(UserWarning, match="still too little") as caught:
        path = export_tflite(
            tiny, tmp_path / "a.tflite", calibration=IMAGES, min_sqnr=150
        )
    facts = read_metadata(path).fidelity
    assert facts["sqnr_before_db"] + 20 < facts["sqnr_db"] < 150
    assert f"{facts['sqnr_db']:.1f} dB" in str(caught[0].message)


@pytest.mark.slow
def test_a_good_file_is_left_alone(tiny, converted, tmp_path, recwarn):
    paths = [tmp_path / f"{name}.tflite" for name in "abc"]
    for path, min_sqnr in zip(paths, (15.0, 0, None), strict=True):
        export_tflite(tiny, path, calibration=IMAGES, min_sqnr=min_sqnr)
    assert len(set(map(graph_bytes, paths))) == 1
    assert [read_metadata(p).fidelity["threshold_db"] for p in paths] == [
        *(15, None, None)
    ]
    assert not recwarn.list


@pytest.mark.parametrize("min_sqnr", [-1, math.nan, math.inf])
def test_thresholds_that_are_none(min_sqnr):
    with pytest.raises(ValueError, match="dB from 0, or None"):
        ExportOptions(min_sqnr=min_sqnr)


# === Other tasks, other converters ===


@pytest.mark.slow
def test_detectors_have_the_worse_of_two_figures(tmp_path):
    model = make_tiny_detector()
    images = np.stack(make_images(30, DENSE_SIZE, seed=1))
    float_path, path = export_recipes(
        model,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        calibration=images,
    )
    reserved = CalibrationSet(images).reserve().reserved
    expected, actual = (predict(p, reserved) for p in (float_path, path))
    logits = centred(expected[..., 4:])
    boxes = expected[..., :4].astype(np.float64)
    parts = {
        "boxes": decibels(
            boxes - boxes.mean(axis=(0, 1)), actual[..., :4] - boxes
        ),
        "logits": decibels(logits, centred(actual[..., 4:]) - logits),
    }
    facts = read_metadata(path).fidelity
    assert facts["parts_db"] == pytest.approx(parts, abs=0.01)
    assert facts["sqnr_db"] == pytest.approx(min(parts.values()), abs=0.01)
    assert facts["agreement_percent"] is None
    # Boxes that were selected can not be compared: what selects them can.
    nms = tmp_path / "nms.tflite"
    export_tflite(model, nms, calibration=images, output_head="nms")
    found = read_metadata(nms).fidelity
    assert found["parts_db"] == pytest.approx(parts, abs=1.5)


@pytest.mark.slow
def test_masks_have_the_figure_of_their_logits(tmp_path):
    model = make_tiny_segmenter()
    images = np.stack(make_images(30, DENSE_SIZE, seed=1))
    options = {"calibration": images, "output_head": "upsampled"}
    float_path, path = export_recipes(
        model,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        **options,
    )
    reserved = CalibrationSet(images).reserve().reserved
    expected, actual = (predict(p, reserved) for p in (float_path, path))
    logits = centred(expected)
    sqnr = decibels(logits, centred(actual) - logits)
    same = np.mean(expected.argmax(axis=-1) == actual.argmax(axis=-1))
    options["output_head"] = "mask"
    mask = export_tflite(model, tmp_path / "mask.tflite", **options)
    for file in (path, mask):
        facts = read_metadata(file).fidelity
        assert facts["sqnr_db"] == pytest.approx(sqnr, abs=0.01)
        assert facts["agreement_percent"] == pytest.approx(100 * same, abs=0.1)


@pytest.mark.slow
def test_the_baseline_is_measured_and_never_escalated(
    collapsing, collapsing_float, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "keras_mobilevit.tflite.converter_baseline.convert_parsed",
        lambda model, size: ParsedFile.parse(collapsing_float),
    )
    with pytest.warns(UserWarning, match="tflite_converter has .* less than"):
        path = export_baseline(
            collapsing, tmp_path / "a.tflite", calibration=IMAGES
        )
    metadata = read_metadata(path)
    assert metadata.recipe == "tflite_converter"
    assert metadata.fidelity["sqnr_db"] < 15
    assert metadata.fidelity["escalated"] is False
    assert metadata.calibration_images == len(SPLIT.images)


# === Delegation ===


@pytest.mark.parametrize(
    ("recipe", "calibration"),
    [("int8", IMAGES), ("dynamic", IMAGES), ("dynamic", None)]
    + [(name, None) for name in ("float32", "float16", "weight_only")],
)
def test_what_is_left_to_slow_kernels_is_told(
    tiny, converted, tmp_path, monkeypatch, recipe, calibration
):
    monkeypatch.setattr(
        "keras_mobilevit.tflite.delegation_check.delegation_gaps",
        lambda file: "Alas.",
    )
    with pytest.warns(UserWarning, match=f"{recipe}: Alas."):
        export_tflite(
            tiny, tmp_path / "a.tflite", recipe, calibration=calibration
        )


def test_gaps_have_names_reasons_and_a_price():
    wide = Tensor((1, 64, 64, 8))
    tensors = dict.fromkeys(("x", "a", "b", "y"), wide)
    tensors["axis"] = Tensor((), "int32", values=1)
    outer = ("RELU", ["x"], ["a"], None), ("RELU", ["b"], ["y"], None)
    middle = ("CUMSUM", ["a", "axis"], ["b"], ("CumsumOptions", {}))
    nodes = [outer[0], middle, outer[1]]
    gaps = delegation_gaps(micro_model(tensors, nodes, signature="serve"))
    assert "2 of 3 operations, in 2 partitions" in gaps
    assert "1 CUMSUM (b): no known rule" in gaps
    share = int(re.search(r"about (\d+) % of the time", gaps)[1])
    assert 30 < share < 130
    tensors = {"x": wide, "a": wide}
    assert (
        delegation_gaps(micro_model(tensors, [outer[0]], signature="serve"))
        is None
    )


def test_int8_full_is_not_for_xnnpack(tiny_float, tiny_calibration):
    """Its softmax takes no noise for an answer: the cost is measured still."""
    gaps = delegation_gaps(quantize(tiny_float, int8_full(), tiny_calibration))
    assert "SOFTMAX" in gaps and " % of the time" in gaps


# === Metadata ===


def test_metadata_of_other_versions(tmp_path):
    path = tmp_path / "a.tflite"
    known = ModelInfo(name="net", labels=("a",), fidelity={"sqnr_db": 20})
    for change, expected in (
        (lambda facts: facts.pop("fidelity"), {}),
        (lambda facts: facts.update(mood="good"), {"sqnr_db": 20}),
    ):
        facts = json.loads(known.to_json())
        change(facts)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model_info.json", json.dumps(facts))
        info = read_metadata(path)
        assert (info.name, info.labels) == ("net", ("a",))
        assert info.fidelity == expected
        assert info.unknown.get("mood") == facts.get("mood")
    facts["schema_version"] = 3
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model_info.json", json.dumps(facts))
    with pytest.raises(ValueError, match="`schema_version`.*update"):
        read_metadata(path)
    assert "another form" in describe_fidelity("int8", {"sqnr_db": 20})
