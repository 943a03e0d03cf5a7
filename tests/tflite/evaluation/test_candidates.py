"""What models have in common that are evaluated side by side."""

import dataclasses

import pytest

from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.opening import OpenedModel
from keras_mobilevit.tflite.evaluation.candidates import (
    check_task,
    common_image,
    common_labels,
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


def test_what_all_agree_on():
    image = ImageSpec(crop_pct=0.5, pre_resize=16)
    known = OpenedModel("a", ModelInfo(labels=("x", "y"), image=image))
    unknown = OpenedModel("b", ModelInfo(), described=False)
    both = {"b": unknown, "a": known}
    assert common_labels(both) == ("x", "y")
    assert common_image(both) == image
    assert common_labels({"b": unknown}) == ()
    assert common_image({"b": unknown}) == ImageSpec()


def test_labels_must_agree():
    models = {
        name: OpenedModel("a", ModelInfo(labels=labels))
        for name, labels in (("one", ("x", "y")), ("two", ("y", "x")))
    }
    with pytest.raises(ValueError, match="`labels`.*one: .*two: "):
        common_labels(models)


@pytest.mark.parametrize(
    ("field", "value"),
    [("crop_pct", 1.0), ("pre_resize", 0), ("crop_mode", "squash")],
)
def test_preprocessing_must_agree_or_be_given(field, value):
    image = ImageSpec(crop_pct=0.5, pre_resize=16)
    other = dataclasses.replace(image, **{field: value})
    models = {
        name: OpenedModel("a", ModelInfo(image=spec))
        for name, spec in (("one", image), ("two", other))
    }
    with pytest.raises(ValueError, match=f"`{field}`.*one: .*two: "):
        common_image(models)
    assert common_image(models, **{field: value}) == other


def test_each_model_has_its_own_channels():
    """They say how the model gets its pixels, not what is done to pictures."""
    images = (ImageSpec(channel_order="bgr"), ImageSpec(scale=1 / 255))
    models = {
        str(index): OpenedModel("a", ModelInfo(image=image))
        for index, image in enumerate(images)
    }
    assert common_image(models) == ImageSpec()


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
