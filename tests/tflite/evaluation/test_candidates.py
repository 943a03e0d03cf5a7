"""What models have in common that are evaluated side by side."""

import pytest

from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.opening import OpenedModel
from keras_mobilevit.tflite.evaluation.candidates import (
    check_task,
    common_settings,
    read_labels,
)


def test_all_models_must_be_for_one_task():
    mixed = {
        "a": OpenedModel("a", ModelInfo()),
        "b": OpenedModel("b", ModelInfo(task="detection")),
    }
    with pytest.raises(ValueError, match="for classification.*'b': 'detection"):
        check_task(mixed, "classification")
    check_task({"b": mixed["b"]}, "detection")


def test_settings_are_those_that_all_agree_on():
    image = ImageSpec(crop_pct=0.5, pre_resize=16)
    known = OpenedModel("a", ModelInfo(labels=("x", "y"), image=image))
    unknown = OpenedModel("b", ModelInfo(), described=False)
    both = common_settings({"b": unknown, "a": known})
    assert both == (("x", "y"), 0.5, 16)
    assert common_settings({"b": unknown}) == ((), 1.0, 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("labels", ("y", "x")), ("crop_pct", 1.0), ("pre_resize", 0)],
)
def test_settings_must_agree_or_be_given(setting, value):
    facts = dict(labels=("x", "y"), crop_pct=0.5, pre_resize=16)

    def opened(labels, crop_pct, pre_resize):
        image = ImageSpec(crop_pct=crop_pct, pre_resize=pre_resize)
        return OpenedModel("a", ModelInfo(labels=labels, image=image))

    models = {
        "one": opened(**facts),
        "two": opened(**{**facts, setting: value}),
    }
    with pytest.raises(ValueError, match=f"`{setting}`.*one: .*two: "):
        common_settings(models)
    given = common_settings(models, **{setting: value})
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
