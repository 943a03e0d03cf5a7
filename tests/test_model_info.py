"""The description of a model: its JSON form, its rules, older schemas."""

import dataclasses
import json
import pathlib
import re
import subprocess
import sys

import pytest

import keras_mobilevit
from keras_mobilevit.model_info import (
    SCHEMA_VERSION,
    ImageSpec,
    ModelInfo,
    OutputSpec,
)

PACKAGE = pathlib.Path(keras_mobilevit.__file__).parent
# It is no part of the wheel.
DOCUMENT = pathlib.Path(__file__).parents[1] / "keras_mobilevit/MODEL_INFO.md"

INFO = ModelInfo(
    name="tuned",
    architecture="mobilevit",
    variant="mobilevit_xs",
    task="detection",
    labels=("cat", "rosé", "日本"),
    classes=3,
    image=ImageSpec(
        size=(192, 320),
        crop_pct=0.875,
        pre_resize=32,
        crop_mode="squash",
        interpolation="bicubic",
        antialias=False,
        channel_order="bgr",
        scale=(1 / 255, 0.5, 2),
        offset=-0.5,
    ),
    output=OutputSpec(
        kind="anchors",
        problem_type="multi_label",
        label_offset=1,
        stride=8,
        decoding={"levels": [{"rows": 4}]},
    ),
    licence="Apache-2.0",
    training_data="COCO 2017",
    recipe="int8",
    recipe_fields={"weights": "int8", "skip_ops": ["SOFTMAX"]},
    calibration_images=80,
    calibration_seed=0,
    compat="2.14",
    fidelity={"sqnr_db": 23.4, "agreement_percent": None},
    self_test={"runtime": "LiteRT 2.3.0", "expected": "identical"},
    version="0.1.0",
)


def test_round_trip():
    fields = json.loads(INFO.to_json())
    assert fields["schema_version"] == SCHEMA_VERSION == 2
    assert fields["image"]["size"] == [192, 320]
    assert ModelInfo.from_json(INFO.to_json()) == INFO
    assert ModelInfo.from_json(INFO.to_json().encode()) == INFO


def test_every_field_travels():
    """A field whose default came back would go unnoticed above."""
    for spec in (INFO, INFO.image, INFO.output):
        for field in dataclasses.fields(spec):
            if field.name != "unknown":
                default = getattr(type(spec)(), field.name)
                assert getattr(spec, field.name) != default, field.name


def test_unknown_keys_are_kept_where_they_were():
    fields = json.loads(INFO.to_json())
    fields["author"] = {"name": "someone"}
    fields["image"]["gamma"] = 2.2
    fields["output"]["unknown"] = [1, 2]
    again = ModelInfo.from_json(json.dumps(fields))
    assert again.labels == INFO.labels
    tuned = dataclasses.replace(again, recipe="float16")
    assert json.loads(tuned.to_json()) == {**fields, "recipe": "float16"}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("schema_version", (0, 3, "2", 2.0, True, None)),
        ("name", (None, 1, "x" * 10_001)),
        ("task", ("depth", None, ["detection"], {})),
        ("labels", ("abc", [1], None, ["a"] * 100_001, {"0": "a"})),
        ("classes", (0, -1, "3", 3.0, True, 10**6)),
        ("recipe_fields", ([], "x", None)),
        ("calibration_images", (-1, 2.5, None)),
        ("calibration_seed", (-1, "0")),
        ("fidelity", ([], 1)),
        ("image", ([], None, "x")),
        ("image.size", ([0, 5], [-1, 5], [5], [5, 5, 5], 5, "5x5", [5, 70000])),
        ("image.crop_pct", (0, -0.1, 1.01, "1", None, True, 10**400)),
        ("image.pre_resize", (-1, 1.5, None)),
        ("image.crop_mode", ("border", None)),
        ("image.channel_order", ("grb", 1)),
        ("image.antialias", (1, None, "true")),
        ("image.scale", (0, -1, "x", [], [1, 0, 1], [1] * 5, [[1]])),
        ("image.offset", (None, "0")),
        ("output", ([], None)),
        ("output.kind", ("softmax", 1)),
        ("output.label_offset", (-1, 2, None, True)),
        ("output.stride", (0, 1.5, "16")),
        ("output.decoding", ([], "x")),
    ],
)
def test_untrusted_values(key, values):
    """The message names the key, and is short, whatever was received."""
    for value in values:
        fields = json.loads(INFO.to_json())
        *path, name = key.split(".")
        target = fields[path[0]] if path else fields
        target[name] = value
        if key == "classes":
            fields["labels"] = []
        with pytest.raises(ValueError, match=f"`{re.escape(key)}`") as caught:
            ModelInfo.from_json(json.dumps(fields))
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '"x"', b"\xff\xfe{"),
        '{"image": {"crop_pct": NaN}}',
        '{"image": {"offset": Infinity}}',
        '{"a": ' * 100_000,
        '{"calibration_seed": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_description(text):
    with pytest.raises(ValueError):
        ModelInfo.from_json(text)


def test_descriptions_that_are_too_long():
    with pytest.raises(ValueError, match="at most"):
        ModelInfo.from_json(" " * 2**24 + "{}")


def test_labels_name_every_class():
    assert ModelInfo(labels=["a", "b"]).labels == ("a", "b")
    with pytest.raises(ValueError, match="`labels` must name each of the 3"):
        ModelInfo(labels=("a",), classes=3)


def test_labels_of_the_output():
    assert INFO.output_labels == ("background", *INFO.labels)
    boxes = dataclasses.replace(INFO, output=OutputSpec(kind="boxes"))
    assert boxes.output_labels == INFO.labels
    assert ModelInfo(output=OutputSpec(label_offset=1)).output_labels == ()


# === Version 1 ===


@pytest.mark.parametrize(
    ("ending", "kind", "offset"), [("raw", "anchors", 1), ("nms", "boxes", 0)]
)
def test_labels_of_old_detectors_lose_the_background(ending, kind, offset):
    fields = {
        "model": "detector",
        "recipe": "int8",
        "task": "detection",
        "ending": ending,
        "labels": ["background", "cat", "dog"],
        "decoding": {"max_boxes": 7},
        "author": "someone",
    }
    info = ModelInfo.from_json(json.dumps(fields))
    assert info.labels == ("cat", "dog")
    assert info.classes == 2
    assert info.output == OutputSpec(
        kind=kind, label_offset=offset, decoding={"max_boxes": 7}
    )
    assert info.image.crop_mode == "squash"
    assert (info.name, info.recipe) == ("detector", "int8")
    assert info.unknown == {"author": "someone"}
    # Written again, they are of version 2, and are not shortened once more.
    assert ModelInfo.from_json(info.to_json()) == info


def test_old_weights():
    fields = {
        "variants": ["mobilevit_s"],
        "classes": 21,
        "size": 512,
        "crop_fraction": 1.0,
        "native_size": 0,
        "labels": [],
        "licence": "mine",
        "task": "segmentation",
        "output_stride": 8,
    }
    info = ModelInfo.from_json(json.dumps(fields))
    assert info == ModelInfo(
        architecture="mobilevit",
        variant="mobilevit_s",
        task="segmentation",
        classes=21,
        image=ImageSpec(size=(512, 512), crop_mode="squash"),
        output=OutputSpec(stride=8),
        licence="mine",
    )
    fields |= {"task": "detection", "classes": 81}
    info = ModelInfo.from_json(json.dumps(fields))
    assert (info.classes, info.output.stride) == (80, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": 5, "task": "detection"},
        {"classes": "many"},
        {"size": 0},
        {"crop_fraction": []},
        {"task": {}},
        {"ending": [], "task": "depth"},
        {"variants": [5]},
        {"decoding": 1},
    ],
)
def test_damaged_old_descriptions(fields):
    with pytest.raises(ValueError, match="must be"):
        ModelInfo.from_json(json.dumps(fields))


# === For readers elsewhere ===


def test_imports_nothing_heavy():
    code = f"""
import sys, types
package = types.ModuleType("keras_mobilevit")
package.__path__ = [{str(PACKAGE)!r}]
sys.modules["keras_mobilevit"] = package
import keras_mobilevit.model_info
assert not {{"keras", "tensorflow", "numpy"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_document_has_every_key_and_its_examples_are_valid():
    text = DOCUMENT.read_text()
    for spec in (INFO, INFO.image, INFO.output):
        for field in dataclasses.fields(spec):
            if field.name not in ("unknown", "image", "output"):
                assert f"`{spec._prefix}{field.name}`" in text, field.name
    examples = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 2
    classifier, detector = map(ModelInfo.from_json, examples)
    assert not classifier.unknown and not detector.unknown
    assert classifier.output.kind == "probabilities"
    assert detector.labels[0] == "person"
