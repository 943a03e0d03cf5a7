"""What a weights file says of itself, and who listens."""

import dataclasses
import json

import h5py
import pytest

from keras_mobilevit import MobileViTXXS
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
    assert opened[1:] == (FACTS.labels, 0.875, 48)
    candidate = open_candidate(str(path))
    assert candidate.labels == FACTS.labels
    assert candidate.native_size == 48


@pytest.mark.parametrize("weights", [None, "cifar10"])
def test_a_name_tells_no_variant(weights):
    with pytest.raises(ValueError, match="`variant` must be one of"):
        open_model(None, weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": "many"}, "damaged"),
        ({"labels": None}, "damaged"),
        ({"labels": ["a"]}, "do not fit together"),
        ({"variants": ["mobilevit_xxl"]}, "do not fit together"),
        ({"crop_fraction": 0}, "do not fit together"),
        ({"native_size": -1}, "do not fit together"),
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
