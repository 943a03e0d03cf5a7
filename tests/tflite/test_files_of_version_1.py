"""Files that version 0.1 of the package wrote still load, and mean the same.

They are in `files/`, whose README.md says how they were made. Do not write
them anew: they stand for those that users have.
"""

import pathlib

import numpy as np
import pytest
from image_files import encode
from small_model import LABELS, make_images
from tiny_dense import DENSE_SIZE, OBJECTS, REGIONS
from tiny_model import TINY_SIZE

from keras_mobilevit.checkpoints import read_info
from keras_mobilevit.tflite import (
    Detector,
    ImageModel,
    Segmenter,
    read_metadata,
)

FILES = pathlib.Path(__file__).with_name("files")

# What version 0.1 said of the picture of seed 5.
CLASSES = {"dog": 0.4679, "bee": 0.2408, "eel": 0.1604, "cow": 0.0841}
BOXES = {
    "nms_float32": [
        ("bee", 0.99996, (19.281, 2.628, 77.913, 64.0)),
        ("ant", 0.99992, (49.257, 21.506, 62.659, 26.350)),
        ("bee", 0.99943, (1.467, 38.329, 31.273, 58.748)),
    ],
    "raw_int8": [
        ("ant", 0.99992, (49.245, 21.507, 62.655, 26.343)),
        ("bee", 0.99944, (1.475, 38.359, 31.264, 58.749)),
        ("bee", 0.99899, (19.465, 2.693, 77.828, 64.0)),
    ],
}
PIXELS = {
    "logits_int8": (32, 917, 5178, 17, 0),
    "mask_float32": (45, 943, 5136, 20, 0),
}


def picture(size):
    return encode(make_images(3, size, seed=5)[1])


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_classifiers(recipe):
    model = ImageModel(FILES / f"v1_classifier_{recipe}.tflite")
    # Int8 is rounded otherwise on other processors.
    tolerance = 1e-3 if recipe == "float32" else 0.02
    found = model.classify(picture(TINY_SIZE), top=4)
    assert [answer.label for answer in found] == list(CLASSES)
    assert [answer.probability for answer in found] == pytest.approx(
        list(CLASSES.values()), abs=tolerance
    )


@pytest.mark.parametrize("form", BOXES)
def test_detectors(form):
    model = Detector(FILES / f"v1_detector_{form}.tflite")
    found = model.detect(picture(DENSE_SIZE))[:3]
    assert [box.name for box in found] == [name for name, _, _ in BOXES[form]]
    for box, (_, score, sides) in zip(found, BOXES[form], strict=True):
        assert OBJECTS[box.class_index] == box.name
        assert box.score == pytest.approx(score, abs=1e-3)
        tolerance = 0.02 if form.endswith("float32") else 0.5
        assert box.box == pytest.approx(sides, abs=tolerance)


@pytest.mark.parametrize("form", PIXELS)
def test_segmenters(form):
    model = Segmenter(FILES / f"v1_segmenter_{form}.tflite")
    assert model.labels == REGIONS
    mask = model.segment(picture(DENSE_SIZE))
    found = np.bincount(mask.ravel(), minlength=len(REGIONS))
    tolerance = 5 if form.endswith("float32") else 40
    np.testing.assert_allclose(found, PIXELS[form], atol=tolerance)


def test_facts_of_files():
    info = read_metadata(FILES / "v1_classifier_int8.tflite")
    assert (info.name, info.recipe, info.version) == ("tiny", "int8", "0.1.0")
    assert info.labels == LABELS
    assert (info.image.crop_pct, info.image.pre_resize) == (0.875, 28)
    assert (info.task, info.image.crop_mode) == ("classification", "center")
    # It was not recorded.
    assert info.output.kind is None
    assert (info.calibration_images, info.calibration_seed) == (17, None)
    assert info.fidelity["sqnr_db"] == 21.562
    assert info.recipe_fields["calibration_percentile"] == 99.99
    info = read_metadata(FILES / "v1_detector_raw_int8.tflite")
    assert (info.task, info.image.crop_mode) == ("detection", "squash")
    assert (info.output.kind, info.output.label_offset) == ("anchors", 1)
    assert info.output.decoding["levels"][0]["rows"] == 4
    assert info.labels == OBJECTS[1:]
    info = read_metadata(FILES / "v1_detector_nms_float32.tflite")
    assert (info.output.kind, info.output.label_offset) == ("boxes", 0)
    assert info.labels == OBJECTS[1:]


def test_facts_of_weights():
    info = read_info(FILES / "v1_classification_facts.weights.h5")
    assert info.labels == ("anemone", "daisy", "rosé")
    assert info.image.size == (64, 64)
    assert (info.image.crop_pct, info.image.pre_resize) == (0.875, 48)
    assert (info.task, info.licence) == ("classification", "CC-BY-4.0")
    info = read_info(FILES / "v1_detection_facts.weights.h5")
    assert (info.task, info.labels) == ("detection", ("ant", "bee"))
    # A network for it has one class more, the background.
    assert (info.classes, info.output_classes) == (2, 3)
