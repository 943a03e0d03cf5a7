"""Exported files find what their Keras models find."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from image_files import encode
from small_model import make_images
from tiny_dense import (
    OBJECTS,
    REGIONS,
    make_tiny_detector,
    make_tiny_segmenter,
)

from keras_mobilevit.tflite import export_tflite
from keras_mobilevit.tflite.dense_prediction import Detector, Segmenter

# Of another size and aspect than the input.
PICTURES = [encode(image) for image in make_images(3, (90, 120), seed=5)]


@pytest.fixture(scope="module")
def detector():
    return make_tiny_detector()


@pytest.fixture(scope="module")
def detector_file(detector, tmp_path_factory):
    return export_tflite(
        detector,
        tmp_path_factory.mktemp("detector") / "a.tflite",
        "float32",
        labels=OBJECTS,
        output_head="nms",
    )


def test_boxes(detector, detector_file):
    """Suppression by LiteRT's operation, and by Keras."""
    expected = Detector(detector, OBJECTS, score_threshold=0.5)
    actual = Detector(detector_file, score_threshold=0.5)
    assert (actual.size, actual.labels) == (expected.size, expected.labels)
    for picture in PICTURES:
        boxes, found = (d.detect(picture) for d in (expected, actual))
        assert len(boxes) > 10
        assert [d.name for d in found] == [d.name for d in boxes]
        for attribute, tolerance in (("score", 1e-4), ("box", 1e-2)):
            np.testing.assert_allclose(
                [getattr(d, attribute) for d in found],
                [getattr(d, attribute) for d in boxes],
                atol=tolerance,
            )


def test_a_file_runs_without_tensorflow(detector_file, tmp_path):
    """Where only LiteRT, Pillow and a Keras on NumPy are."""
    pytest.importorskip("jax", reason="Keras on NumPy needs JAX")
    picture = tmp_path / "a.png"
    picture.write_bytes(PICTURES[0])
    code = """
import json, sys
from keras_mobilevit.tflite.dense_prediction import Detector
detections = Detector(sys.argv[1], score_threshold=0.5).detect(sys.argv[2])
print(json.dumps([len(detections), "tensorflow" in sys.modules]))
"""
    result = subprocess.run(
        [sys.executable, "-c", code, detector_file, picture],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    found = Detector(detector_file, score_threshold=0.5).detect(picture)
    assert json.loads(result.stdout) == [len(found), False]


def test_masks(tmp_path):
    """Logits at the output stride, and at the size of the input."""
    model = make_tiny_segmenter()
    path = export_tflite(
        *(model, tmp_path / "a.tflite", "float32"),
        labels=REGIONS,
        output_head="logits",
    )
    expected, actual = Segmenter(model, REGIONS), Segmenter(path)
    assert (actual.size, actual.labels) == (expected.size, expected.labels)
    for picture in PICTURES:
        mask, found = (s.segment(picture) for s in (expected, actual))
        assert len(np.unique(mask)) > 2
        assert (found.shape, found.dtype) == ((90, 120), np.uint8)
        assert np.mean(found == mask) > 0.999
