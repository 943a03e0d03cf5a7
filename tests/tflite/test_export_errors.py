"""Exports that can not be: each says why, and leaves no file."""

import os

import keras
import numpy as np
import pytest
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite import export_tflite
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8

BLACK = np.zeros((*TINY_SIZE, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(recipe="int4"), "`recipe` must be one of"),
        (dict(recipe="int8"), "needs calibration images"),
        (dict(recipe="int8", calibration=[]), "Received: none"),
        (
            dict(calibration=[np.full((*TINY_SIZE, 3), 0.5)] * 20),
            r"pixels in \[0, 255\]",
        ),
        (dict(calibration=[BLACK - 1.0] * 20), r"pixels in \[0, 255\]"),
        (dict(calibration=[BLACK[:9]] * 20), "of shape"),
        (dict(calibration=[BLACK], calibration_images=0), "at least 1"),
        (dict(recipe="float32", labels=["one"]), "5 classes"),
    ],
)
def test_bad_arguments_write_nothing(
    tiny, converted, tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        export_tflite(tiny, tmp_path / "bad.tflite", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pictures", "error", "message"),
    [
        (None, FileNotFoundError, "no folder or tar"),
        ({}, ValueError, "holds no picture"),
        ({"a.jpg": b"\xff\xd8\xff"}, ValueError, "1 pictures that can not be"),
    ],
)
def test_bad_calibration_folders_write_nothing(
    tiny, converted, tmp_path, pictures, error, message
):
    source = tmp_path / "pictures"
    if pictures is not None:
        source.mkdir()
        for name, data in pictures.items():
            (source / name).write_bytes(data)
    with pytest.raises(error, match=message):
        export_tflite(tiny, tmp_path / "bad.tflite", calibration=source)
    assert not list(tmp_path.glob("**/*.tflite*"))


def test_recipes_are_found_before_anything_is_done(tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match="no recipe at"):
        export_tflite(tiny, tmp_path / "a.tflite", tmp_path / "none.json")
    with pytest.raises(ValueError, match="must end in .tflite"):
        export_tflite(tiny, tmp_path / "model.bin", "float32")
    with pytest.raises(ValueError, match=r"is built for \(32, 48\), not for"):
        export_tflite(tiny, tmp_path / "a.tflite", "float32", size=(32, 32))
    inputs = [keras.Input((32, 48, 3)) for _ in range(2)]
    two = keras.Model(inputs, keras.layers.Add()(inputs))
    with pytest.raises(ValueError, match="one input. Received: 2"):
        export_tflite(two, tmp_path / "a.tflite", "float32")
    assert list(tmp_path.iterdir()) == []


def test_the_calibration_of_another_file(files, tiny_float, tiny_calibration):
    float_model = files["float32"].read_bytes()
    with pytest.raises(ValueError, match="'int8' needs calibration images"):
        quantize(float_model, int8())
    with pytest.raises(ValueError, match=r"another file: \d+ of 408 tensors"):
        quantize(float_model, int8(), tiny_calibration)
    with pytest.raises(ValueError, match="Expected a complete .tflite"):
        quantize(tiny_float[:5000], int8(), tiny_calibration)


def test_targets_that_can_not_be_written(
    tiny, converted, tmp_path, monkeypatch
):
    """Nothing is left, and an older file stays what it was."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        export_tflite(tiny, tmp_path / "file" / "a.tflite", "float32")
    (tmp_path / "b.tflite").mkdir()
    with pytest.raises(OSError):
        export_tflite(tiny, tmp_path / "b.tflite", "float32")
    (tmp_path / "c.tflite").write_text("old")

    def fail(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        export_tflite(tiny, tmp_path / "c.tflite", "float32")
    assert (tmp_path / "c.tflite").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "b.tflite",
        "c.tflite",
        "file",
    ]


def test_a_read_only_folder(tiny, converted, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(PermissionError):
        export_tflite(tiny, folder / "a.tflite", "float32")
    assert list(folder.iterdir()) == []


def test_other_backends_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND=tensorflow"):
        export_tflite(tiny, tmp_path / "a.tflite", "float32")
