"""Logits of MobileViTv2 against Hugging Face and timm."""

import importlib
import importlib.util

import numpy as np
import pytest
from test_oracles import assert_close, load_random_weights, logits

import keras_mobilevit
from keras_mobilevit.mobilevit_v2 import CONSTRUCTORS

reference = importlib.import_module("reference")
reference_v2 = importlib.import_module("reference_v2")
# The largest takes seconds for each image.
VARIANTS = (
    "mobilevitv2_050",
    pytest.param("mobilevitv2_100", marks=pytest.mark.slow),
    pytest.param("mobilevitv2_150", marks=pytest.mark.slow),
)


def make(variant, library, folder):
    model = CONSTRUCTORS[variant](
        weights=None,
        input_shape=(None, None, 3),
        classifier_activation=None,
    )
    load_random_weights(model, library, folder, architecture="mobilevitv2")
    return model


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("library", reference_v2.SIZES)
def test_goldens(library, variant, tmp_path):
    model = make(variant, library, tmp_path)
    deployed = keras_mobilevit.reparameterize(model)
    for height, width in reference_v2.SIZES[library]:
        image = reference.random_image((height, width))
        with np.load(reference_v2.GOLDEN_FILE) as goldens:
            expected = goldens[f"{library}/{variant}/{height}x{width}"]
        assert_close(logits(model, image), expected)
        assert_close(logits(deployed, image), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch, transformers and timm
@pytest.mark.parametrize("variant", reference_v2.WIDTHS)
@pytest.mark.parametrize(
    ("library", "module"), [("hf", "transformers"), ("timm", "timm")]
)
def test_live(library, module, variant, tmp_path):
    for name in ("torch", module):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    model = make(variant, library, tmp_path)
    oracle = reference_v2.make_model(library, variant)
    for size in reference_v2.SIZES[library]:
        image = reference.random_image(size)
        expected = reference_v2.run_model(oracle, image)
        assert_close(logits(model, image), expected)
