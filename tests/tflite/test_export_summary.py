"""The summary that each export ends with, and the name of a model in it."""

import pathlib

import keras
import pytest

from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.opening import open_model
from keras_mobilevit.tflite import (
    export_recipes,
    export_tflite,
    inspect,
    read_metadata,
    summarize,
)

FILES = pathlib.Path(__file__).parent / "files"
LABELS = tuple("abcde")


def facts_of(summary):
    return dict(
        line.removeprefix("  ").split(": ", 1)
        for line in str(summary).splitlines()[1:]
    )


def test_the_result_of_an_export_has_it(converted, tiny, tmp_path):
    """And is a path as any other."""
    target = tmp_path / "model.tflite"
    path = export_tflite(tiny, target, "float32", labels=LABELS)
    assert path == target and isinstance(path, pathlib.Path)
    assert {path: 1}[target] == 1
    title, *lines = str(path.summary).splitlines()
    size = target.stat().st_size
    assert title == f"{target}: tiny by float32, {size:,} bytes"
    assert lines == str(summarize(str(target))).splitlines()[1:]
    for other in export_recipes(tiny, {tmp_path / "b.tflite": "float16"}):
        assert other.summary.info.recipe == "float16"


def test_preprocessing_and_labels(converted, tiny, tmp_path):
    image = ImageSpec(crop_pct=0.8, pre_resize=16)
    info = ModelInfo(image=image, labels=LABELS)
    path = export_tflite(tiny, tmp_path / "a.tflite", "float32", info=info)
    facts = facts_of(path.summary)
    assert facts["picture"] == (
        "resized to cover 20x30, cropped at its centre to 16x24, resized to "
        "32x48"
    )
    assert facts["labels"] == "5 (a, b, c, d, e)"
    assert facts["fidelity"] == "it is what others are compared with"


@pytest.mark.parametrize(
    "name, output, labels",
    [
        ("v1_detector_nms_float32", "boxes, float32", "3 (ant, bee, cow)"),
        (
            "v1_segmenter_mask_float32",
            "mask, uint8",
            "5 (sky, road, tree, house, car)",
        ),
    ],
)
def test_other_tasks(name, output, labels):
    path = FILES / f"{name}.tflite"
    facts, found = facts_of(summarize(path)), inspect(path)
    assert facts["output"] == output
    assert facts["labels"] == labels
    assert facts["input"].startswith("64x96 pixels, rgb in [0, 255], float32;")
    assert facts["picture"] == "resized whole to 64x96"
    # An operation of the output head is none of XNNPACK's.
    assert found.delegated < found.nodes
    assert facts["XNNPACK"] == (
        f"{found.delegated} of {found.nodes} nodes, in 1 partition"
    )


def test_a_file_that_says_nothing(tiny_float, tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(tiny_float)
    summary = summarize(path)
    assert str(summary).startswith(f"{path}: foreign, ")
    facts = facts_of(summary)
    assert facts["labels"] == "none" and facts["fidelity"] == "not measured"


@pytest.mark.parametrize(
    "name, known, expected",
    [
        ("pets", "flowers", "pets"),
        (None, "flowers", "flowers"),
        (None, "", "classifier"),
        ("model_7", "", "classifier"),
        ("functional", "sequential_1", "classifier"),
    ],
)
def test_names(name, known, expected, converted, tmp_path):
    """Without one that somebody chose, it is the file's."""
    layers = [
        keras.layers.Input((32, 48, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(5),
    ]
    model = keras.Sequential(layers, name=name)
    path = export_tflite(
        *(model, tmp_path / "classifier.tflite", "float32"),
        info=ModelInfo(name=known),
    )
    assert read_metadata(path).name == expected
    model.save(tmp_path / "saved.keras")
    opened = open_model(tmp_path / "saved.keras")
    assert opened.info.name == ("pets" if name == "pets" else "saved")
