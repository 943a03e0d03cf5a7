"""The small model, exported by every recipe, and the tiny one."""

import numpy as np
import pytest
from run_once import make_once
from small_model import LABELS, make_images, make_model
from tiny_model import TINY_SIZE, make_tiny_model

from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.tflite import RECIPES, convert, export_recipes
from keras_mobilevit.tflite.flatbuffer import ParsedFile
from keras_mobilevit.tflite.quantization.calibration import calibrate


@pytest.fixture(scope="session")
def model():
    return make_model()


@pytest.fixture(scope="session")
def files(model, tmp_path_factory):
    """Recipe name -> exported file; a minute's work, so done once."""

    def export(folder):
        export_recipes(
            model,
            {folder / f"{recipe}.tflite": recipe for recipe in RECIPES},
            calibration=make_images(30, seed=1),
            info=ModelInfo(labels=LABELS, image=ImageSpec(crop_pct=0.875)),
        )

    folder = make_once(tmp_path_factory, "exported", export)
    return {recipe: folder / f"{recipe}.tflite" for recipe in RECIPES}


@pytest.fixture(scope="session")
def tiny():
    return make_tiny_model()


@pytest.fixture(scope="session")
def tiny_float(tiny):
    """The tiny model as a float32 file, in bytes."""
    return convert(tiny)


@pytest.fixture(scope="session")
def tiny_parsed(tiny_float):
    """The same with its graph; whoever edits it takes a copy."""
    return ParsedFile.parse(tiny_float)


@pytest.fixture
def converted(monkeypatch, tiny_parsed):
    """For what does not hang on the conversion, which takes seconds."""
    for module in ("export", "search.export"):
        monkeypatch.setattr(
            f"keras_mobilevit.tflite.{module}.convert_parsed",
            lambda model, size: tiny_parsed,
        )


@pytest.fixture(scope="session")
def tiny_calibration(tiny_float):
    images = np.stack(make_images(25, TINY_SIZE, seed=1))
    return calibrate(tiny_float, images)
