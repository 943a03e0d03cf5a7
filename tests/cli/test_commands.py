"""What holds for all commands, and for `predict` with a Keras classifier."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.cli.errors import print_error
from keras_mobilevit.cli.main import COMMANDS
from keras_mobilevit.version import __version__

TOOLS = pathlib.Path(__file__).parents[2] / "tools"


def python(*arguments):
    """Runs a fresh interpreter."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    # The commands have their own default.
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_help_imports_nothing_heavy():
    """Of no command, nor of those inside `compress`."""
    done = python(
        "-c",
        """
import contextlib, io, json, sys
from keras_mobilevit.cli.main import COMMANDS, main
asked = [[], *([name] for name in COMMANDS)]
asked += [["compress", name] for name in ("prune", "cluster", "qat", "report")]
texts = []
for argv in asked:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            main([*argv, "--help"])
        except SystemExit as stop:
            texts.append([stop.code, out.getvalue()])
heavy = {"keras", "numpy", "tensorflow", "PIL", "tqdm", "ai_edge_litert"}
print(json.dumps([sorted(heavy & set(sys.modules)), texts]))
""",
    )
    assert done.returncode == 0, done.stderr
    heavy, texts = json.loads(done.stdout)
    assert heavy == []
    assert len(texts) == 1 + len(COMMANDS) + 4
    assert all(code == 0 and text.startswith("usage:") for code, text in texts)
    for _, text in texts:
        for line in text.splitlines():
            # An example that goes on in the next line says so.
            assert not line.startswith("    keras-") or "  " not in line[4:]
    for name in COMMANDS:
        assert f"    {name} " in texts[0][1].replace("\n", " ")


@pytest.mark.slow
def test_a_fresh_process_prints_our_output_only(photo):
    """TensorFlow, which this imports, has a lot to say otherwise."""
    argv = ("predict", photo, "--model", "weights:cifar10", "--top", 3)
    done = python("-m", "keras_mobilevit", *argv)
    assert (done.returncode, done.stderr) == (0, "")
    first, *classes = done.stdout.splitlines()
    assert first == str(photo)
    shares = [float(line.split("%")[0]) for line in classes]
    assert len(shares) == 3 and shares == sorted(shares, reverse=True)


@pytest.mark.slow
def test_the_demo_prints_its_output_only(tmp_path):
    pytest.importorskip("skimage")
    done = python(TOOLS / "demo.py", "--out", tmp_path, "--runs", 2)
    assert (done.returncode, done.stderr) == (0, "")
    title, _, answer, *_ = done.stdout.splitlines()
    assert title.startswith("MobileViT-XXS") and answer.endswith("  cat")
    assert len(list(tmp_path.glob("*.tflite"))) == 3


def test_the_tool_is_the_command(tmp_path):
    done = python(TOOLS / "export_tflite.py", "--version")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: keras-mobilevit export ")


def test_predict_with_a_keras_classifier(command, photo, tmp_path, capsys):
    """Its probabilities are those of its biases."""
    probabilities = np.array([0.125, 0.5, 0.3, 0.075])
    model = keras.Sequential(
        [
            keras.layers.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, kernel_initializer="zeros"),
        ]
    )
    model.layers[-1].bias.assign(np.log(probabilities))
    path = tmp_path / "model.keras"
    model.save(path)
    argv = ("predict", photo, "--model", path, "--top", 3)
    assert command(*argv) == 1
    assert "--size must be given" in capsys.readouterr().err
    assert command(*argv, "--size", 8, 8) == 0
    assert capsys.readouterr().out == (
        f"{photo}\n   50.0%  1\n   30.0%  2\n   12.5%  0\n"
    )


def test_lines_of_progress_without_a_terminal(
    command, tmp_path, monkeypatch, capsys
):
    model = keras.Sequential(
        [keras.layers.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]
    )
    model.save(tmp_path / "model.keras")
    argv = ["export", "--keras", tmp_path / "model.keras"]
    argv += ["--recipe", "float32", "--scaling", "pixels"]
    argv += ["-o", tmp_path / "model.tflite"]
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", "0.01")
    assert command(*argv) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "converting: 0 s" in lines
    assert all(line.startswith("converting: ") for line in lines)


@pytest.mark.parametrize(
    "argv",
    [
        ["translate"],
        ["export", "--output-head", "voxels", "-o", "a.tflite"],
        ["export", "--compat", "1.0", "-o", "a.tflite"],
        ["predict", "a.jpg", "--model", "a.tflite", "--runtime", "onnx"],
        ["train", "--recipe", "cifar10", "--out", "a", "--distribution", "x"],
        ["compress", "prune", "--augment-as", "nothing"],
        ["search", "--weights", "cifar10", "-o", "a.tflite"],
    ],
)
def test_arguments_that_fit_no_command(command, argv, capsys):
    with pytest.raises(SystemExit) as caught:
        command(*argv)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: keras-mobilevit ")
    assert "invalid choice" in error or "is required" in error


def test_an_error_of_many_lines_is_told_in_one(command, tmp_path, capsys):
    path = tmp_path / "damaged.keras"
    path.write_bytes(b"PK\3\4 cut off")
    assert command("predict", "a.jpg", "--model", path) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "extra"), [("tqdm", "runtime"), ("tensorflow", "tflite")]
)
def test_the_extra_of_a_missing_module_is_named(module, extra, capsys):
    text = f"No module named {module!r}"
    print_error(ModuleNotFoundError(text, name=module))
    assert capsys.readouterr().err == (
        f"error: {module} is missing ({text}): run "
        f'`pip install "keras-mobilevit[{extra}]"`.\n'
    )


def test_version(command, capsys):
    with pytest.raises(SystemExit) as caught:
        command("--version")
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"keras-mobilevit {__version__}\n"
