"""What can be evaluated, and what it knows of itself."""

import math

import keras
import pytest
from colour_model import colour_model
from relabelling import relabelled
from small_model import LABELS

from keras_mobilevit.checkpoints import add_info
from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.named_models import NamedModel
from keras_mobilevit.tflite import evaluate
from keras_mobilevit.tflite.evaluation import candidates
from keras_mobilevit.tflite.evaluation.candidates import (
    Candidate,
    common_settings,
    open_candidate,
    read_labels,
)

# === What a name stands for ===


def test_a_file_knows_its_labels_and_preprocessing(files, tmp_path):
    candidate = open_candidate(str(files["int8"]))
    assert candidate.model == files["int8"]
    assert candidate.labels == LABELS
    assert (candidate.crop_fraction, candidate.native_size) == (0.875, 0)
    bare = open_candidate(relabelled(files["int8"], tmp_path / "a.tflite"))
    assert bare.labels is bare.crop_fraction is bare.native_size is None
    image = ImageSpec(pre_resize=4)
    path = relabelled(files["int8"], tmp_path / "b.tflite", image=image)
    assert open_candidate(path).labels is None
    assert open_candidate(path).native_size == 4


@pytest.mark.parametrize(
    "name", ["weights:cifar10", "weights:cifar10:mobilevit_xxs"]
)
def test_named_weights_know_their_labels_and_preprocessing(name):
    candidate = open_candidate(name)
    assert candidate.model.name == "mobilevit_xxs"
    assert candidate.labels == WEIGHTS["cifar10"].info.labels
    assert (candidate.crop_fraction, candidate.native_size) == (1.0, 32)


def test_a_keras_file_knows_nothing(tmp_path):
    colour_model().save(tmp_path / "a.keras")
    candidate = open_candidate(str(tmp_path / "a.keras"))
    assert candidate.model.input_shape == (None, 8, 8, 3)
    assert candidate.labels is candidate.crop_fraction is None


def test_a_keras_file_with_a_description(tmp_path):
    colour_model().save(tmp_path / "a.keras")
    image = ImageSpec(crop_pct=0.5, pre_resize=4)
    info = ModelInfo(labels=("r", "g", "b"), image=image)
    add_info(tmp_path / "a.keras", info)
    candidate = open_candidate(str(tmp_path / "a.keras"))
    assert candidate.info == info
    assert common_settings({"a": candidate}) == (info.labels, 0.5, 4)


@pytest.mark.parametrize(
    ("shape", "task"),
    [
        ((3,), "classification"),
        ((8, 7), "detection"),
        ((8, 8, 3), "segmentation"),
    ],
)
def test_the_output_of_a_keras_file_tells_its_task(tmp_path, shape, task):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Dense(math.prod(shape))(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Reshape(shape)(x))
    model.save(tmp_path / "a.keras")
    assert open_candidate(str(tmp_path / "a.keras")).task == task


def test_files_tell_their_task(files, tmp_path):
    facts = dict(task="detection", labels=("x", "y"))
    path = relabelled(files["int8"], tmp_path / "a.tflite", **facts)
    candidate = open_candidate(path)
    assert candidate.task == "detection"
    assert candidate.labels == ("background", "x", "y")
    assert open_candidate(str(files["int8"])).task == "classification"


@pytest.mark.parametrize(
    ("name", "weights"),
    [("weights:coco", "coco"), ("weights:pascal_voc", "pascal_voc")],
)
def test_weights_tell_their_task(name, weights, monkeypatch):
    """Without a variant it is the smallest."""
    opened = NamedModel(None, ModelInfo(task="detection"))
    asked = []

    def open_model(*arguments):
        asked.append(arguments)
        return opened

    monkeypatch.setattr(candidates, "open_model", open_model)
    assert open_candidate(name).task == "detection"
    assert asked == [("mobilevit_xxs", weights)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar10", "weights:NAME"),
        ("weights:nothing", "weights:NAME"),
        ("weights:cifar10:mobilevit_s", "cifar10 weights for"),
    ],
)
def test_names_that_are_no_models(name, message):
    with pytest.raises(ValueError, match=message):
        open_candidate(name)


@pytest.mark.parametrize("suffix", ["keras", "tflite"])
def test_missing_and_damaged_files(pictures, tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=f"no .{suffix} file"):
        open_candidate(str(tmp_path / f"none.{suffix}"))
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(b"no model")
    with pytest.raises(ValueError):
        evaluate({"a": open_candidate(str(path)).model}, pictures)


def test_keras_files_with_layers_of_others(tmp_path):
    @keras.saving.register_keras_serializable("elsewhere")
    class Foreign(keras.layers.Layer):
        pass

    keras.Sequential([keras.Input((8, 8, 3)), Foreign()]).save(
        tmp_path / "a.keras"
    )
    keras.saving.get_custom_objects().pop("elsewhere>Foreign")
    with pytest.raises(ValueError, match="layers are of Keras or of this"):
        open_candidate(str(tmp_path / "a.keras"))


# === Several at a time ===


def test_all_candidates_must_be_for_one_task():
    mixed = {"a": Candidate("a"), "b": Candidate("b", task="detection")}
    with pytest.raises(ValueError, match="for classification.*'b': 'detection"):
        candidates.check_task(mixed, "classification")
    candidates.check_task({"b": mixed["b"]}, "detection")


def test_settings_are_those_that_all_agree_on():
    image = ImageSpec(crop_pct=0.5, pre_resize=16)
    known = Candidate("a", ModelInfo(labels=("x", "y"), image=image))
    unknown = Candidate("b")
    both = common_settings({"b": unknown, "a": known})
    assert both == (("x", "y"), 0.5, 16)
    assert common_settings({"b": unknown}) == ((), 1.0, 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("labels", ("y", "x")), ("crop_fraction", 1.0), ("native_size", 0)],
)
def test_settings_must_agree_or_be_given(setting, value):
    facts = dict(labels=("x", "y"), crop_fraction=0.5, native_size=16)

    def candidate(labels, crop_fraction, native_size):
        image = ImageSpec(crop_pct=crop_fraction, pre_resize=native_size)
        return Candidate("a", ModelInfo(labels=labels, image=image))

    candidates = {
        "one": candidate(**facts),
        "two": candidate(**{**facts, setting: value}),
    }
    with pytest.raises(ValueError, match=f"`{setting}`.*one: .*two: "):
        common_settings(candidates)
    given = common_settings(candidates, **{setting: value})
    assert given == tuple({**facts, setting: value}.values())


def test_labels_as_chosen(pictures, tmp_path):
    assert read_labels("none", pictures) == ()
    assert read_labels("folders", pictures) == ("blue", "green", "red")
    assert read_labels("cifar10", pictures) == WEIGHTS["cifar10"].info.labels
    (tmp_path / "names.txt").write_text("black\nlight grey\n")
    names = read_labels(str(tmp_path / "names.txt"), pictures)
    assert names == ("black", "light grey")
    with pytest.raises(FileNotFoundError, match="`labels` must be"):
        read_labels("nowhere", pictures)
    (tmp_path / "names.txt").write_text("black\nlight grey\n\n", "utf-8-sig")
    names = read_labels(str(tmp_path / "names.txt"), pictures)
    assert names == ("black", "light grey")
    for name in ("a/0.png", "b/0.heic"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    # Every label behind it would be off by one.
    with pytest.raises(ValueError, match="class folder .* lost: b"):
        read_labels("folders", tmp_path)
