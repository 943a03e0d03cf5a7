"""Names of 0.1.0 that moved: each gives what its replacement gives, and warns.

The same rows are in the migration table of CHANGELOG.md.
"""

import importlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import keras_mobilevit
from keras_mobilevit import checkpoints, configs, images
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.named_models import open_model
from keras_mobilevit.tflite import ImageModel, read_metadata

FILES = pathlib.Path(__file__).parent / "tflite" / "files"


def deprecated(old, new):
    """That the warning names both, and when the old one goes."""
    return pytest.warns(
        DeprecationWarning,
        match=rf"{old} is deprecated and will be removed in 0\.3\. Use {new}",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tflite.Metadata", "model_info.ModelInfo"),
        ("tflite.Ending", "tflite.OutputHead"),
        ("tflite.ENDINGS", "tflite.OUTPUT_HEADS"),
        ("tflite.find_ending", "tflite.find_output_head"),
        ("segmentation.MaskedPictures", "segmentation.MaskedImages"),
        (
            "segmentation.open_masked_pictures",
            "segmentation.open_masked_images",
        ),
        ("checkpoints.read_facts", "checkpoints.read_info"),
        ("images.iterate_files", "image_folders.iterate_files"),
        ("images.LabelledFile", "image_folders.LabelledFile"),
        (
            "tflite.metrics.to_probabilities",
            "class_scores.to_probabilities",
        ),
        ("tflite.metrics.to_logits", "class_scores.to_logits"),
    ],
)
def test_names_of_modules(old, new):
    def find(name):
        module, _, attribute = f"keras_mobilevit.{name}".rpartition(".")
        return getattr(importlib.import_module(module), attribute)

    with deprecated(old, f"keras_mobilevit.{new}") as caught:
        found = find(old)
    assert found is find(new)
    assert caught[0].filename == __file__
    module, _, attribute = f"keras_mobilevit.{old}".rpartition(".")
    assert attribute not in dir(importlib.import_module(module))


def test_from_import():
    with deprecated("tflite.Metadata", "keras_mobilevit.model_info.ModelInfo"):
        from keras_mobilevit.tflite import Metadata
    assert Metadata is ModelInfo


def test_names_that_never_were():
    with pytest.raises(AttributeError, match="no attribute 'facts_of'"):
        checkpoints.facts_of  # noqa: B018
    for owner in (ModelInfo(), configs.WEIGHTS["cifar10"]):
        with pytest.raises(AttributeError, match="no attribute 'colour'"):
            owner.colour  # noqa: B018


def test_metadata_of_an_image_model():
    model = ImageModel(FILES / "v1_classifier_int8.tflite")
    with deprecated("ImageModel.metadata", "ImageModel.info") as caught:
        metadata = model.metadata
    assert metadata is model.info
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("model", "name", "tiny"),
        ("crop_fraction", "image.crop_pct", 0.875),
        ("native_size", "image.pre_resize", 28),
    ],
)
def test_attributes_of_metadata(old, new, value):
    info = read_metadata(FILES / "v1_classifier_int8.tflite")
    with deprecated(f"ModelInfo.{old}", f"ModelInfo.{new}"):
        assert getattr(info, old) == value


def test_decoding_of_metadata():
    info = read_metadata(FILES / "v1_detector_raw_int8.tflite")
    with deprecated("ModelInfo.decoding", "ModelInfo.output.decoding"):
        assert info.decoding["levels"][0]["rows"] == 4


@pytest.mark.parametrize(
    ("table", "name", "old", "value"),
    [
        ("WEIGHTS", "imagenet", "classes", 1000),
        ("WEIGHTS", "imagenet", "crop_fraction", 256 / 288),
        ("WEIGHTS", "cifar10", "native_size", 32),
        ("WEIGHTS", "cifar10", "licence", "Apache-2.0"),
        ("SEGMENTATION_WEIGHTS", "pascal_voc", "task", "segmentation"),
        # Those of a detector had the background first.
        ("DETECTION_WEIGHTS", "coco", "classes", 81),
    ],
)
def test_attributes_of_named_weights(table, name, old, value):
    weights = getattr(configs, table)[name]
    with deprecated(f"WeightsConfig.{old}", r"WeightsConfig\.info\."):
        assert getattr(weights, old) == value


def test_labels_of_named_weights():
    with deprecated("WeightsConfig.labels", "WeightsConfig.info.output_labels"):
        labels = configs.DETECTION_WEIGHTS["coco"].labels
    assert labels[:2] == ("background", "person") and len(labels) == 81


def test_unpacking_of_a_named_model():
    opened = open_model("mobilevit_xxs", "cifar10")
    with deprecated("Unpacking the result of open_model", "its attr") as caught:
        model, labels, crop_fraction, native_size, task = opened
    assert caught[0].filename == __file__
    assert model is opened.model
    assert (labels[3], len(labels)) == ("cat", 10)
    assert (crop_fraction, native_size, task) == (1.0, 32, "classification")
    for name, value in (
        ("labels", labels),
        ("crop_fraction", 1.0),
        ("native_size", 32),
        ("task", "classification"),
    ):
        with deprecated(f"NamedModel.{name}", r"NamedModel\.info\."):
            assert getattr(opened, name) == value


def test_number_of_images(tmp_path):
    for i in range(3):
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(
            tmp_path / f"{i}.png"
        )
    with deprecated("images.count_files", "len"):
        assert images.count_files(tmp_path) == 3
    with deprecated("images.count_files", "len"):
        assert images.count_files(tmp_path, 2) == 2


def test_nothing_warns_unasked():
    """Neither importing nor listing the names asks for an old one."""
    code = (
        "import keras_mobilevit as k; from keras_mobilevit import tflite; "
        "from keras_mobilevit.tflite import *; "
        "[getattr(m, n) for m in (k, tflite) for n in dir(m)]"
    )
    root = pathlib.Path(keras_mobilevit.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-W", "error:::keras_mobilevit", "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
