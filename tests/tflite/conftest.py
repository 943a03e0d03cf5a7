"""The small model, exported by every recipe."""

import pytest
from small_model import LABELS, make_images, make_model

from keras_mobilevit.tflite import RECIPES, export_recipes


@pytest.fixture(scope="session")
def model():
    return make_model()


@pytest.fixture(scope="session")
def files(model, tmp_path_factory):
    """Recipe name -> exported file."""
    folder = tmp_path_factory.mktemp("exported")
    paths = export_recipes(
        model,
        {folder / f"{recipe}.tflite": recipe for recipe in RECIPES},
        calibration=make_images(30, seed=1),
        labels=LABELS,
        crop_fraction=0.875,
    )
    return dict(zip(RECIPES, paths, strict=True))
