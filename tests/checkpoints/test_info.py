"""What a weights file says of itself, and who listens."""

import dataclasses
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_mobilevit import MobileViTXXS, detection, segmentation
from keras_mobilevit.checkpoints import (
    add_info,
    read_info,
    save_compact,
)
from keras_mobilevit.model_info import ImageSpec, ModelInfo, OutputSpec
from keras_mobilevit.named_models import open_model

INFO = ModelInfo(
    name="mobilevit_xxs",
    architecture="mobilevit",
    variant="mobilevit_xxs",
    labels=("anemone", "daisy", "rosé"),
    classes=3,
    image=ImageSpec(size=(64, 64), crop_pct=0.875, pre_resize=48),
    licence="CC-BY-4.0",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("info") / "a.weights.h5"
    model = MobileViTXXS(weights=None, classes=3, input_shape=(64, 64, 3))
    save_compact(model, path, INFO)
    return path


def test_round_trip(path):
    assert read_info(path) == INFO


def test_as_many_labels_as_a_classifier_can_have(tmp_path):
    """HDF5 keeps large attributes elsewhere."""
    labels = tuple(f"species number {i}" for i in range(20_000))
    info = ModelInfo(labels=labels)
    keras_model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    save_compact(keras_model, tmp_path / "a.weights.h5", info)
    assert read_info(tmp_path / "a.weights.h5") == info


def test_other_files_have_none(tmp_path):
    header = (2).to_bytes(8, "little") + b"{{"
    for content in (b"PK\x03\x04", b"", b"\x80\x02", header):
        (tmp_path / "a.pt").write_bytes(content)
        assert read_info(tmp_path / "a.pt") is None
    assert read_info(tmp_path / "none.pt") is None


def test_keras_files(tmp_path):
    """Keras still loads them, and a second description replaces the first."""
    path = tmp_path / "a.keras"
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.save(path)
    assert read_info(path) is None
    for info in (INFO, dataclasses.replace(INFO, licence="mine")):
        add_info(path, info)
        assert read_info(path) == info
    loaded = keras.saving.load_model(path)
    x = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    assert [p.name for p in tmp_path.iterdir()] == ["a.keras"]
    with pytest.raises(ValueError, match="Expected a .keras file"):
        add_info(__file__, INFO)


def test_a_description_that_unpacks_to_gigabytes(tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model_info.json", bytes(2**25))
    with pytest.raises(ValueError, match="at most 16,777,216 bytes"):
        read_info(path)


def test_the_file_alone_opens_the_model(path):
    opened = open_model(None, path)
    assert opened.model.name == "mobilevit_xxs"
    assert opened.model.input_shape == (None, 64, 64, 3)
    assert opened.info == dataclasses.replace(
        INFO,
        output=OutputSpec(kind="probabilities", problem_type="single_label"),
    )


def test_files_from_before_there_were_tasks_are_of_classifiers(tmp_path):
    fields = {
        "variants": ["mobilevit_xxs"],
        "classes": 3,
        "size": 64,
        "crop_fraction": 0.875,
        "native_size": 48,
        "labels": list(INFO.labels),
        "licence": "CC-BY-4.0",
    }
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file.attrs["keras_mobilevit"] = json.dumps(fields)
    info = read_info(tmp_path / "a.weights.h5")
    assert dataclasses.replace(info, name="mobilevit_xxs") == INFO


@pytest.mark.slow
def test_the_file_alone_opens_a_network_for_segmentation(tmp_path):
    info = dataclasses.replace(
        INFO,
        task="segmentation",
        image=ImageSpec(size=(64, 64), crop_mode="squash"),
        output=OutputSpec(stride=8),
    )
    model = segmentation.MobileViTDeepLabV3XXS(
        weights=None, classes=3, input_shape=(64, 64, 3)
    )
    path = tmp_path / "a.weights.h5"
    save_compact(model, path, info)
    opened = open_model(None, path)
    assert opened.info.task == "segmentation"
    assert opened.info.labels == INFO.labels
    assert opened.info.output == OutputSpec(kind="logits", stride=8)
    assert opened.model.output_shape == (None, 64, 64, 3)
    # An eighth of 64.
    assert opened.model.get_layer("aspp").output.shape == (None, 8, 8, 256)
    with pytest.raises(ValueError, match="for segmentation, the model is for"):
        open_model(None, path, task="detection")


@pytest.mark.slow
def test_a_keras_file_tells_its_output_stride(tmp_path):
    model = segmentation.MobileViTDeepLabV3XXS(
        weights=None, classes=3, input_shape=(64, 64, 3), output_stride=8
    )
    model.save(tmp_path / "a.keras")
    opened = open_model(None, tmp_path / "a.keras", size=(64, 64))
    assert opened.info.output == OutputSpec(kind="logits", stride=8)
    # An eighth of 64.
    assert opened.model.get_layer("aspp").output.shape == (None, 8, 8, 256)


@pytest.mark.slow
def test_a_file_without_facts_tells_its_task(tmp_path):
    model = detection.MobileViTSSDLiteXXS(
        weights=None, classes=5, input_shape=(64, 64, 3)
    )
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    opened = open_model(None, path, size=(64, 96))
    assert opened.info.task == "detection"
    assert opened.model.input_shape == (None, 64, 96, 3)
    assert opened.model.output_shape[-1] == 4 + 5
    assert opened.info == ModelInfo(
        name="mobilevit_ssdlite_xxs",
        architecture="mobilevit",
        variant="mobilevit_xxs",
        task="detection",
        classes=4,
        image=ImageSpec(size=(64, 96), crop_mode="squash"),
        output=OutputSpec(kind="anchors", label_offset=1),
    )


def test_a_task_alone_brings_its_published_size():
    opened = open_model("mobilevit_xxs", None, task="detection")
    # 3,232 anchors, of 80 classes and the background: as published.
    assert opened.model.output_shape == (None, 3232, 85)


@pytest.mark.parametrize("weights", [None, "cifar10"])
def test_a_name_tells_no_variant(weights):
    with pytest.raises(ValueError, match="`variant` must be one of"):
        open_model(None, weights)


def test_an_unknown_task():
    with pytest.raises(ValueError, match="`task` must be one of"):
        open_model("mobilevit_xxs", None, task="depth")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"classes": "many"}, "classes"),
        ({"labels": None}, "labels"),
        ({"labels": ["a"]}, "labels"),
        ({"image": {"crop_pct": 0}}, "image.crop_pct"),
        ({"task": "depth"}, "task"),
        ({"output": {"stride": 0}}, "output.stride"),
    ],
)
@pytest.mark.parametrize("suffix", ["weights.h5", "keras", "safetensors"])
def test_descriptions_that_can_not_be_true(change, key, suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    text = json.dumps({**json.loads(INFO.to_json()), **change})
    if suffix == "weights.h5":
        with h5py.File(path, "w") as file:
            file.attrs["keras_mobilevit"] = text
    elif suffix == "keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model_info.json", text)
    else:
        header = json.dumps({"__metadata__": {"keras_mobilevit": text}})
        length = len(header).to_bytes(8, "little")
        path.write_bytes(length + header.encode())
    with pytest.raises(ValueError, match=f"damaged.*`{key}`"):
        read_info(path)


@pytest.mark.parametrize("value", ["{", 5, b"\xff"])
def test_attributes_that_are_no_json(value, tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file.attrs["keras_mobilevit"] = value
    with pytest.raises(ValueError, match="damaged"):
        read_info(tmp_path / "a.weights.h5")
