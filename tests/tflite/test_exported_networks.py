"""Whole networks, each of which takes a while to convert."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from exported import predict, require_delegation_of_all_recipes
from small_model import LABELS, make_images
from tiny_model import TINY_SIZE

import keras_mobilevit
from keras_mobilevit.tflite import (
    RECIPES,
    ImageModel,
    export_baseline,
    export_tflite,
    inspect,
    read_metadata,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "size"),
    [
        # Its last map has seven rows: its patches are resized.
        ("mobilevit_xxs", (224, 224)),
        ("mobilevit_xxs", (192, 320)),
        ("mobilevit_s", (256, 256)),
    ],
)
def test_networks_are_delegated_at_every_size(variant, size, tmp_path):
    constructor = keras_mobilevit.mobilevit.CONSTRUCTORS[variant]
    model = constructor(weights=None, input_shape=(*size, 3), classes=10)
    require_delegation_of_all_recipes(model, size, tmp_path / "a.tflite")


@pytest.mark.slow
def test_xs_in_int8(tmp_path):
    """Its widths are not those of the other variants."""
    size = (96, 96)
    model = keras_mobilevit.MobileViTXS(
        weights=None, input_shape=(*size, 3), classes=10
    )
    path = export_tflite(
        model,
        tmp_path / "a.tflite",
        "int8",
        calibration=make_images(25, size),
        min_sqnr=0,
    )
    inspect(path).require_full_delegation()
    images = make_images(8, size, seed=3)
    expected = predict(model, images)
    file = ImageModel(path)
    noise = np.stack([file.predict(image) for image in images]) - expected
    signal = expected - expected.mean(axis=1, keepdims=True)
    assert np.sum(noise**2) < 0.05 * np.sum(signal**2)


@pytest.mark.slow
def test_feature_maps_of_a_network_of_any_size(tmp_path):
    model = keras_mobilevit.MobileViTBackbone(
        "mobilevit_xxs", weights="cifar10", input_shape=(None, None, 3)
    )
    path = export_tflite(
        model,
        tmp_path / "a.tflite",
        "int8",
        size=(64, 160),
        calibration=make_images(25, (64, 160)),
        min_sqnr=0,
    )
    inspect(path).require_full_delegation()
    (image,) = make_images(1, (64, 160), seed=3)
    maps = ImageModel(path).predict(image)
    expected = keras.tree.flatten(predict(model, [image]))
    assert len(expected) == 5
    for actual, wanted in zip(maps.values(), expected, strict=True):
        noise = np.sum((actual - wanted[0]) ** 2)
        assert noise < 0.05 * np.sum(wanted**2)


@pytest.mark.slow
def test_the_baseline_of_the_converter(tiny, tmp_path):
    """It falls into pieces: what the recipes are there for."""
    path = export_baseline(
        tiny,
        tmp_path / "a.tflite",
        calibration=np.stack(make_images(40, TINY_SIZE, seed=1)),
        calibration_images=25,
        seed=7,
        labels=LABELS,
        min_sqnr=0,
    )
    metadata = read_metadata(path)
    assert metadata.recipe == "tflite_converter"
    # The other 8 of 25 verified it.
    assert (metadata.calibration_images, metadata.calibration_seed) == (17, 7)
    assert metadata.fidelity["images"] == 8
    assert metadata.labels == LABELS
    result = inspect(path)
    assert result.partitions > 1
    assert result.dtypes["int8"] > 0.9 * result.nodes
    images = make_images(10, TINY_SIZE, seed=3)
    error = predict(path, images) - predict(tiny, images)
    assert np.abs(error).max() < 0.1


@pytest.mark.slow
def test_other_processes_give_the_same_bytes(tmp_path):
    """Texts hash differently in each."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from small_model import make_images
from tiny_model import TINY_SIZE
from uneven_tiny import make_uneven_tiny_model
from keras_mobilevit.tflite import RECIPES, export_recipes
export_recipes(
    make_uneven_tiny_model(),
    {f"{sys.argv[2]}/{recipe}.tflite": recipe for recipe in RECIPES},
    calibration=make_images(25, TINY_SIZE, seed=1),
    min_sqnr=0,
)
"""
    here = os.path.dirname(__file__)
    folders = []
    for seed in ("0", "12345"):
        folder = tmp_path / seed
        folder.mkdir()
        result = subprocess.run(
            [sys.executable, "-c", code, here, str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        folders.append(folder)
    first, second = folders
    assert len(list(first.iterdir())) == len(RECIPES)
    for path in first.iterdir():
        again = second / path.name
        assert again.read_bytes() == path.read_bytes(), path.name
