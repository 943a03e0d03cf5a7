"""What a weights file says of itself, and who listens."""

import dataclasses
import json

import h5py
import pytest

from keras_mobilevit import MobileViTXXS, detection, segmentation
from keras_mobilevit.checkpoints import fetch, read_facts, save_compact
from keras_mobilevit.configs import WeightsConfig
from keras_mobilevit.named_models import open_model
from keras_mobilevit.tflite.evaluation.candidates import open_candidate

FACTS = WeightsConfig(
    variants=("mobilevit_xxs",),
    classes=3,
    size=64,
    crop_fraction=0.875,
    native_size=48,
    labels=("anemone", "daisy", "rosé"),
    licence="",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("facts") / "a.weights.h5"
    model = MobileViTXXS(weights=None, classes=3, input_shape=(64, 64, 3))
    save_compact(model, path, FACTS)
    return path


def test_round_trip(path):
    assert read_facts(path) == FACTS


def test_other_files_have_none(tmp_path):
    assert read_facts(fetch("cifar10", "mobilevit_xxs")) is None
    (tmp_path / "a.pt").write_bytes(b"PK\x03\x04")
    assert read_facts(tmp_path / "a.pt") is None


def test_the_file_alone_opens_the_model(path):
    opened = open_model(None, path)
    assert opened.model.name == "mobilevit_xxs"
    assert opened.model.input_shape == (None, 64, 64, 3)
    assert opened[1:] == (FACTS.labels, 0.875, 48, "classification")
    candidate = open_candidate(str(path))
    assert candidate.labels == FACTS.labels
    assert candidate.native_size == 48


def test_files_from_before_there_were_tasks_are_of_classifiers(tmp_path):
    fields = dataclasses.asdict(FACTS)
    del fields["task"], fields["output_stride"]
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file.attrs["keras_mobilevit"] = json.dumps(fields)
    facts = read_facts(tmp_path / "a.weights.h5")
    assert (facts.task, facts.output_stride) == ("classification", 16)


def test_the_file_alone_opens_a_network_for_segmentation(tmp_path):
    facts = dataclasses.replace(
        FACTS, task="segmentation", output_stride=8, crop_fraction=1.0
    )
    model = segmentation.MobileViTDeepLabV3XXS(
        weights=None, classes=3, input_shape=(64, 64, 3)
    )
    path = tmp_path / "a.weights.h5"
    save_compact(model, path, facts)
    opened = open_model(None, path)
    assert opened.task == "segmentation"
    assert opened.labels == FACTS.labels
    assert opened.model.output_shape == (None, 64, 64, 3)
    # An eighth of 64.
    assert opened.model.get_layer("aspp").output.shape == (None, 8, 8, 256)
    with pytest.raises(ValueError, match="for segmentation, the model is for"):
        open_model(None, path, task="detection")


def test_a_file_without_facts_tells_its_task(tmp_path):
    model = detection.MobileViTSSDLiteXXS(
        weights=None, classes=5, input_shape=(64, 64, 3)
    )
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    opened = open_model(None, path, size=(64, 96))
    assert opened.task == "detection"
    assert opened.model.input_shape == (None, 64, 96, 3)
    assert opened.model.output_shape[-1] == 4 + 5
    assert opened[1:] == ((), 1.0, 0, "detection")


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
    ("change", "message"),
    [
        ({"classes": "many"}, "damaged"),
        ({"labels": None}, "damaged"),
        ({"labels": ["a"]}, "do not fit together"),
        ({"variants": ["mobilevit_xxl"]}, "do not fit together"),
        ({"crop_fraction": 0}, "do not fit together"),
        ({"native_size": -1}, "do not fit together"),
        ({"task": "depth"}, "do not fit together"),
        ({"output_stride": 4}, "do not fit together"),
    ],
)
def test_facts_that_can_not_be_true(change, message, tmp_path):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        fields = {**dataclasses.asdict(FACTS), **change}
        file.attrs["keras_mobilevit"] = json.dumps(fields)
    with pytest.raises(ValueError, match=message):
        read_facts(path)


def test_facts_that_are_no_json(tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file.attrs["keras_mobilevit"] = "{"
    with pytest.raises(ValueError, match="damaged"):
        read_facts(tmp_path / "a.weights.h5")
