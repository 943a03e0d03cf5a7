"""Whole networks, each of which takes a while to convert."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from exported import DELEGATED, predict
from small_model import LABELS, SIZE, make_images
from tiny_model import TINY_SIZE, enliven

import keras_mobilevit
from keras_mobilevit.tflite import (
    ImageModel,
    export_baseline,
    export_recipes,
    export_tflite,
    inspect,
    read_metadata,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "size"),
    [
        ("mobilevit_xxs", (192, 192)),
        ("mobilevit_xxs", (224, 224)),
        ("mobilevit_xxs", (256, 256)),
        ("mobilevit_xxs", (320, 320)),
        ("mobilevit_xxs", (192, 320)),
        ("mobilevit_xs", (256, 256)),
        ("mobilevit_s", (256, 256)),
    ],
)
def test_networks_are_delegated_at_every_size(variant, size, tmp_path):
    constructor = keras_mobilevit.mobilevit.CONSTRUCTORS[variant]
    model = constructor(weights=None, input_shape=(*size, 3), classes=10)
    enliven(model, make_images(4, size))
    paths = export_recipes(
        model,
        {tmp_path / f"{recipe}.tflite": recipe for recipe in DELEGATED},
        calibration=make_images(20, size),
        # Random weights have no answers that could stay the same.
        min_sqnr=0,
    )
    for path in paths:
        inspect(path).require_full_delegation()


@pytest.mark.slow
def test_fine_tuned_network(tmp_path):
    backbone = keras_mobilevit.MobileViTXXS(
        weights="cifar10",
        include_top=False,
        pooling="avg",
        input_shape=(*SIZE, 3),
    )
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), backbone, keras.layers.Dense(3, "softmax")]
    )
    images = make_images(10, seed=3)
    expected = predict(model, images)
    float_path, int8_path = export_recipes(
        model,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        calibration=make_images(25, seed=1),
        min_sqnr=0,
    )
    np.testing.assert_allclose(predict(float_path, images), expected, rtol=1e-4)
    assert np.abs(predict(int8_path, images) - expected).max() < 0.1
    inspect(int8_path).require_full_delegation()


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 5])
def test_feature_maps_of_networks_of_any_size(outputs, tmp_path):
    shape = (None, None, 3)
    if outputs == 1:
        model = keras_mobilevit.MobileViTXXS(
            weights="cifar10", include_top=False, input_shape=shape
        )
    else:
        model = keras_mobilevit.MobileViTBackbone(
            "mobilevit_xxs", weights="cifar10", input_shape=shape
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
    assert len(expected) == outputs
    maps = list(maps.values()) if outputs > 1 else [maps]
    for actual, wanted in zip(maps, expected, strict=True):
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
def test_other_processes_give_the_same_bytes(files, tmp_path):
    """Texts hash differently in each."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from small_model import LABELS, make_images, make_model
from keras_mobilevit.tflite import RECIPES, export_recipes
export_recipes(
    make_model(),
    {f"{sys.argv[2]}/{recipe}.tflite": recipe for recipe in RECIPES},
    calibration=make_images(30, seed=1),
    labels=LABELS,
    crop_fraction=0.875,
)
"""
    here = os.path.dirname(__file__)
    result = subprocess.run(
        [sys.executable, "-c", code, here, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    for recipe, path in files.items():
        again = tmp_path / f"{recipe}.tflite"
        assert again.read_bytes() == path.read_bytes(), recipe
