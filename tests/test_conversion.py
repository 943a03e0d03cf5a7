"""Conversion between formats, and its command line."""

import keras
import numpy as np
import pytest
import synthetic

from keras_mobilevit import checkpoints, conversion
from keras_mobilevit.conversion import convert
from keras_mobilevit.mobilevit import MobileViTXXS
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.named_models import open_model


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "mobilevit_xxs.pt"
    return synthetic.Checkpoint().write("cvnets", path)


@pytest.fixture(scope="module")
def image():
    image = np.random.default_rng(3).uniform(0, 255, (1, 256, 256, 3))
    return image.astype(np.float32)


@pytest.fixture(scope="module")
def logits(source, image):
    model = MobileViTXXS(
        weights=None, classes=synthetic.CLASSES, classifier_activation=None
    )
    checkpoints.load_weights(model, source)
    return np.array(model(image))


@pytest.mark.parametrize("suffix", conversion.SUFFIXES)
def test_converts(source, tmp_path, image, logits, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    target = tmp_path / f"out{suffix}"
    result = convert(source, target)
    assert result.target == target
    assert result.source == checkpoints.CheckpointInfo(
        "torch", "cvnets", "mobilevit_xxs", synthetic.CLASSES
    )
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    if suffix == ".keras":
        model = keras.saving.load_model(target)
    else:
        model = MobileViTXXS(
            weights=None, classes=synthetic.CLASSES, classifier_activation=None
        )
        checkpoints.load_weights(model, target)
    assert np.ptp(logits) > 0
    np.testing.assert_array_equal(np.array(model(image)), logits)


def test_there_and_back_is_exact(source, tmp_path):
    pytest.importorskip("safetensors")
    convert(source, tmp_path / "a.weights.h5")
    convert(tmp_path / "a.weights.h5", tmp_path / "b.safetensors")
    found = checkpoints.read_tensors(tmp_path / "b.safetensors")
    expected = synthetic.Checkpoint().tensors("timm")
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(found[key], array, key)


def test_channel_order(source, tmp_path):
    convert(source, tmp_path / "a.weights.h5", channel_order="rgb")
    found = checkpoints.read_tensors(tmp_path / "a.weights.h5")
    stored = synthetic.Checkpoint().tensors("cvnets")
    np.testing.assert_array_equal(
        found["stem/conv/0"],
        stored["conv_1.block.conv.weight"].transpose(2, 3, 1, 0),
    )


@pytest.mark.slow
def test_descriptions_go_along(tmp_path):
    """Labels, preprocessing, licence and task, through all formats."""
    pytest.importorskip("safetensors")
    info = ModelInfo(
        name="mobilevit_xxs",
        labels=("ant", "bee", "cow"),
        classes=3,
        image=ImageSpec(size=(64, 64), crop_pct=0.875, pre_resize=32),
        licence="CC-BY-4.0",
        unknown={"author": "someone"},
    )
    model = MobileViTXXS(weights=None, classes=3, input_shape=(64, 64, 3))
    path = tmp_path / "a.weights.h5"
    checkpoints.save_compact(model, path, info)
    for name in ("b.keras", "c.safetensors", "d.weights.h5"):
        convert(path, path := tmp_path / name)
        assert checkpoints.read_info(path) == info
    opened = open_model(None, path)
    assert opened.info.labels == info.labels
    assert opened.model.input_shape == (None, 64, 64, 3)


@pytest.mark.slow
def test_without_classifier(tmp_path):
    model = MobileViTXXS(
        weights=None, include_top=False, input_shape=(64, 64, 3)
    )
    model.save_weights(tmp_path / "a.weights.h5")
    result = convert(tmp_path / "a.weights.h5", tmp_path / "b.keras")
    assert result.source.classes is None
    assert keras.saving.load_model(tmp_path / "b.keras").output.shape[-1] == 320


def test_a_wrong_result_never_appears(source, tmp_path, monkeypatch):
    def save_wrong(self, path):
        self.get_layer("predictions").bias.assign_add([1.0] * 7)
        save_weights(self, path)
        self.get_layer("predictions").bias.assign_sub([1.0] * 7)

    save_weights = keras.Model.save_weights
    monkeypatch.setattr(keras.Model, "save_weights", save_wrong)
    target = tmp_path / "a.weights.h5"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="outputs differ"):
        convert(source, target)
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_unknown_suffix(source, tmp_path):
    with pytest.raises(ValueError, match="must end in one of .*a.onnx"):
        convert(source, tmp_path / "a.onnx")


def test_command(command, source, tmp_path, capsys):
    target = tmp_path / "a.weights.h5"
    code = command("convert", source, target, "--channel-order", "bgr")
    assert code == 0
    assert capsys.readouterr().out == (
        f"mobilevit_xxs, 7 classes: cvnets -> {target}\n"
    )
    assert target.exists()


@pytest.mark.parametrize(
    ("content", "match"),
    [(None, "no checkpoint file"), (b"<html>", "HTML page"), (b"", "is empty")],
)
def test_command_reports_errors_in_one_line(
    command, tmp_path, capsys, content, match
):
    source, target = tmp_path / "in.pt", tmp_path / "out.keras"
    if content is not None:
        source.write_bytes(content)
    assert command("convert", source, target) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and match in error
    assert error.count("\n") == 1
    assert not target.exists()


def test_command_help(command, capsys):
    with pytest.raises(SystemExit) as info:
        command("convert", "--help")
    assert info.value.code == 0
    text = capsys.readouterr().out
    for word in ("IN", "OUT", "--channel-order", *conversion.SUFFIXES):
        assert word in text
