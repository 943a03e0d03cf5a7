"""The blocks of the README do what they say."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.labels import class_names

README = pathlib.Path(__file__).parents[1] / "README.md"


def blocks(section, language):
    """The code blocks of a section, in order."""
    text = README.read_text(encoding="utf-8")
    (body,) = re.findall(
        rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    return re.findall(rf"^```{language}\n(.*?)^```", body, re.M | re.S)


def write_photo(path, seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    Image.fromarray(coarse).resize((120, 96)).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the blocks find the images that they name."""
    monkeypatch.chdir(tmp_path)
    for index, label in enumerate(class_names("cifar10")):
        (tmp_path / "DIR" / label).mkdir(parents=True)
        for number in range(3):
            write_photo(f"DIR/{label}/{number}.png", 3 * index + number)
    write_photo("photo.jpg", 100)
    write_photo("street.jpg", 101)
    return tmp_path


@pytest.mark.slow
def test_keras_quickstart(folder, capsys):
    (code,) = blocks("Quickstart: classify and fine-tune in Keras", "python")
    exec(compile(code, str(README), "exec"), {})
    named = re.findall(r"label='(\w+)', ", capsys.readouterr().out)
    assert len(named) == 3
    assert set(named) <= set(class_names("cifar10"))
    assert (folder / "flowers.keras").exists()


@pytest.mark.slow
def test_segmentation(folder):
    (code,) = blocks("Detection and segmentation", "python")
    # The published weights can not be downloaded everywhere.
    code = code.replace("(input_shape=", "(weights=None, input_shape=")
    found = {}
    exec(compile(code, str(README), "exec"), found)
    (mask,) = found["masks"]
    assert mask.shape == (96, 120)


@pytest.mark.slow
def test_export_quickstart(folder):
    section = "Quickstart: export to int8 and run the file"
    first, second, install = blocks(section, "")
    assert "pip install --no-deps" in install
    path = os.pathsep.join(
        [str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
    )
    done = subprocess.run(
        ["bash", "-e", "-c", first + second],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "dB" in done.stdout
    assert {file.name for file in folder.iterdir()} >= {
        *("model.tflite", "float32.tflite", "report.html")
    }
