"""What is refused before a process starts, and what a process may say."""

import importlib.util
import re
import types

import keras
import pytest

import keras_mobilevit
from keras_mobilevit.compression import (
    Clustering,
    FineTuning,
    Outcome,
    Pruning,
    QuantizationAware,
    compress,
    compress_weights,
    tfmot_process,
)
from keras_mobilevit.compression.job import Folder, ImageSource, Job
from keras_mobilevit.compression.pipeline import warn_of_loss
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.sections import Augmentation


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pruning(1.0), r"`pruning.sparsity` must be .* in \(0, 1\)"),
        (lambda: Pruning(pattern="4:4"), "fewer zeros than weights"),
        (lambda: Pruning(pattern="two"), "such as '2:4'"),
        (lambda: Pruning(pattern="2:4", block="4x1"), "without blocks"),
        (lambda: Pruning(block="0x4"), "such as '4x1'"),
        (lambda: Pruning(skip="("), "a regular expression"),
        (lambda: Clustering(2), r"a whole number in \[3, 256\]"),
        (lambda: Clustering(initial="kmeans"), "one of"),
        (lambda: FineTuning(epochs=0), r"in \[1, inf\)"),
    ],
)
def test_fields_have_rules(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_skip_matches_from_the_start():
    method = QuantizationAware(skip=r"stem\.|.*dense2$")
    assert method.skips("stem.conv")
    assert method.skips("stage3_block.transformer_0.dense2")
    assert not method.skips("stage1_ir.stem.conv")
    assert not QuantizationAware().skips("stem.conv")


@pytest.fixture
def refused(model, pictures):
    def check(message, model=model, train=pictures, **options):
        with pytest.raises(ValueError, match=message):
            compress(model, Pruning(), train, pictures, **options)

    return check


def test_models_that_do_not_fit(model, refused):
    refused("Expected a functional model", keras.Sequential())
    image = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    refused("fixed input size", keras.Model(image, pooled))
    image = keras.Input((32, 32, 3))
    refused("Expected a classifier", keras.Model(image, image * 2))
    refused("is in deploy form", keras_mobilevit.reparameterize(model))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    four = keras.layers.Dense(4)(pooled)
    refused("4 classes apart, and .* has 3", keras.Model(image, four))


def test_images_that_do_not_fit(model, pictures, refused, tmp_path):
    refused("at least one picture", train_images=0)
    refused("none of the 3 classes", class_names=("a", "b", "c"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        compress(model, Pruning(), tmp_path / "nowhere", pictures)


def test_targets_that_do_not_fit(pictures, tmp_path):
    arguments = (Pruning(), pictures, pictures)
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5"):
        compress_weights("cifar10", tmp_path / "a.h5", *arguments)
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        compress_weights("cifar10", tmp_path / "b/a.weights.h5", *arguments)


def test_a_missing_extra_is_named(model, pictures, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=re.escape("keras-mobilevit[compress]")
    ):
        compress(model, Pruning(), pictures, pictures)


@pytest.mark.parametrize(
    ("accuracy", "warns"), [(0.9, False), (0.79, False), (0.5, True)]
)
def test_lost_accuracy_is_told(accuracy, warns, recwarn):
    warn_of_loss(Pruning(0.7), Outcome(0.8, accuracy, 1000, 10, 1.0, 0.1))
    said = [str(warning.message) for warning in recwarn]
    assert bool(said) == warns
    if warns:
        assert said[0].startswith("Pruning(sparsity=0.7, ")
        assert "from 80.00% to 50.00% on 1,000 pictures" in said[0]


# === Processes ===


def test_a_job_arrives_as_it_was_sent(tmp_path):
    job = Job(
        method=Clustering(8, keep_zeros=True),
        fine_tuning=FineTuning(epochs=2),
        augmentation=Augmentation(scale=(0.25, 1.0)),
        image=ImageSpec(size=(96, 96), pre_resize=32),
        train=ImageSource("train.tar", 100),
        test=ImageSource("test.tar"),
        class_names=("a", "b"),
    )
    Folder(tmp_path).write_job(job)
    assert Folder(tmp_path).read_job() == job


@pytest.fixture
def says(monkeypatch, tmp_path):
    """Lets the process say some lines, and end with a status."""

    def set_up(lines, status):
        script = tmp_path / "python"
        text = "\n".join(f"echo '{line}'" for line in lines)
        script.write_text(f"#!/bin/sh\n{text}\nexit {status}\n")
        script.chmod(0o755)
        monkeypatch.setattr(
            tfmot_process, "sys", types.SimpleNamespace(executable=str(script))
        )
        tfmot_process.run_worker(tmp_path)

    return set_up


def test_noise_is_shown_only_if_the_process_fails(says, capfd):
    progress = '@compression {"stage": "training", "done": 1, "total": 2}'
    says(["noise", progress], 0)
    out, err = capfd.readouterr()
    assert "noise" not in out + err
    with pytest.raises(RuntimeError, match="status 3.*\nnoise\nTrouble"):
        says(["noise", progress, "Trouble: here"], 3)


def test_what_the_process_refuses_is_told(says):
    with pytest.raises(ValueError, match="^this is wrong$"):
        says(["noise", '@compression {"error": "this is wrong"}'], 1)


# === The command ===


def test_command_arguments(command, monkeypatch, capsys):
    calls = []

    def compress_weights(*args, **options):
        calls.append((args, options))
        return Outcome(0.85, 0.84, 200, 40, 12.3, 0.25)

    monkeypatch.setattr(
        "keras_mobilevit.compression.compress_weights", compress_weights
    )
    status = command(
        "compress",
        *("cluster", "--weights", "cifar10", "--clusters", "32"),
        *("--keep-zeros", "--epochs", "2", "--augment-as", "cifar10"),
        *("--train", "a", "--test", "b", "--train-images", "640"),
        *("-o", "c.weights.h5"),
    )
    assert status == 0
    assert "85.00% before, 84.00% after" in capsys.readouterr().out
    [(args, options)] = calls
    assert args[:2] == ("cifar10", "c.weights.h5")
    assert args[2] == Clustering(32, keep_zeros=True)
    assert args[3:] == ("a", "b")
    assert options["fine_tuning"] == FineTuning(epochs=2)
    assert options["augmentation"].crop == "padded"
    assert (options["train_images"], options["test_images"]) == (640, None)


def test_command_tells_errors_in_a_line(command, capsys):
    arguments = ["--train", "a", "--test", "b", "-o", "c.weights.h5"]
    status = command(
        "compress",
        "prune",
        "--weights",
        "cifar10",
        "--sparsity",
        "70",
        *arguments,
    )
    assert status == 1
    assert capsys.readouterr().err.startswith("error: `pruning.sparsity` must")
