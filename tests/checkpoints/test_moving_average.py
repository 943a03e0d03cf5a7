"""Checkpoints with weights and their average: one choice, in every place."""

import numpy as np
import pytest
import synthetic
from test_torch_file import write_training_checkpoint

from keras_mobilevit import open_model
from keras_mobilevit.checkpoints import load_weights, read_weights
from keras_mobilevit.cli.main import main
from keras_mobilevit.conversion import convert

BIAS = "classifier.fc.bias"


@pytest.fixture
def both(tmp_path, monkeypatch, checkpoint):
    """A file of cvnets' trainer, with an average of twice the weights."""
    tensors = {
        key: array
        for key, array in checkpoint.tensors("cvnets").items()
        if array.dtype == np.float32
    }
    content = {
        "epoch": 3,
        "model_state_dict": tensors,
        "ema_state_dict": {key: 2 * array for key, array in tensors.items()},
    }
    path = tmp_path / "training_checkpoint_last.pt"
    write_training_checkpoint(path, monkeypatch, content)
    return path


def bias_of(model):
    return read_weights(model)["predictions/bias"]


@pytest.mark.parametrize(("ema", "factor"), [(True, 2), (False, 1)])
def test_load_weights(both, checkpoint, model, ema, factor):
    load_weights(model, both, ema=ema)
    np.testing.assert_array_equal(
        bias_of(model), factor * checkpoint.base[BIAS]
    )


def test_load_weights_prefers_the_average(both, checkpoint, model):
    with pytest.warns(UserWarning, match="average was taken"):
        load_weights(model, both)
    np.testing.assert_array_equal(bias_of(model), 2 * checkpoint.base[BIAS])


def test_open_model(both, checkpoint):
    opened = open_model(both, size=(64, 64), ema=False)
    np.testing.assert_array_equal(bias_of(opened.model), checkpoint.base[BIAS])
    with pytest.warns(UserWarning, match="average was taken") as caught:
        opened = open_model(both, size=(64, 64))
    # The file is read several times.
    assert len(caught) == 1
    np.testing.assert_array_equal(
        bias_of(opened.model), 2 * checkpoint.base[BIAS]
    )
    with pytest.raises(ValueError, match="Received: ema=True"):
        open_model("mobilevit_xxs", "cifar10", ema=True)


def test_convert(both, checkpoint, tmp_path, model):
    target = tmp_path / "raw.weights.h5"
    convert(both, target, ema=False)
    load_weights(model, target)
    np.testing.assert_array_equal(bias_of(model), checkpoint.base[BIAS])
    assert main(["convert", str(both), str(target), "--ema"]) == 0
    load_weights(model, target)
    np.testing.assert_array_equal(bias_of(model), 2 * checkpoint.base[BIAS])


def test_export(both, checkpoint, tmp_path, monkeypatch):
    """Only what is opened is looked at: the export itself takes seconds."""
    seen = []

    def export_tflite(model, path, *_, **__):
        seen.append(bias_of(model))
        raise ValueError("enough")

    monkeypatch.setattr("keras_mobilevit.tflite.export_tflite", export_tflite)
    arguments = ["export", "--weights", str(both), "--recipe", "float32"]
    arguments += ["-o", str(tmp_path / "a.tflite")]
    for option in ("--ema", "--no-ema"):
        assert main([*arguments, option]) == 1
    average, raw = seen
    np.testing.assert_array_equal(raw, checkpoint.base[BIAS])
    np.testing.assert_array_equal(average, 2 * raw)


def test_other_files_hold_one_set(tmp_path, model):
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    load_weights(model, path, ema=False)
    with pytest.raises(ValueError, match="holds one set of weights"):
        load_weights(model, path, ema=True)
    model.save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match="has one set"):
        open_model(tmp_path / "a.keras", ema=True)


def test_classes_of_both_are_counted_without_a_warning(both):
    from keras_mobilevit.checkpoints import identify

    assert identify(both).classes == synthetic.CLASSES
