"""MediaPipe Tasks give our answers for our files, by their metadata alone."""

import json
import pathlib
import subprocess

import numpy as np
import pytest
from PIL import Image
from small_model import LABELS, make_images
from tiny_dense import (
    DENSE_SIZE,
    OBJECTS,
    REGIONS,
    make_tiny_detector,
    make_tiny_segmenter,
)

from keras_mobilevit.tflite import (
    Detector,
    ImageModel,
    Segmenter,
    export_tflite,
)
from virtual_environments import python_with

pytestmark = pytest.mark.slow

PROBE = pathlib.Path(__file__).with_name("mediapipe_probe.py")
# It requires a newer absl-py than tensorflow-model-optimization accepts.
REQUIREMENTS = ["mediapipe==1.2.3"]


@pytest.fixture(scope="module")
def dense_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mediapipe")
    detector, segmenter = make_tiny_detector(), make_tiny_segmenter()
    return {
        "boxes": export_tflite(
            detector,
            folder / "boxes.tflite",
            "float32",
            labels=OBJECTS,
            output_head="nms",
        ),
        "masks": export_tflite(
            segmenter,
            folder / "masks.tflite",
            "float32",
            labels=REGIONS,
            output_head="upsampled",
        ),
    }


@pytest.fixture(scope="module")
def pictures(files, tmp_path_factory):
    """Of the sizes of the inputs, so that nobody resizes them."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = {}
    for name, size in (
        ("small", ImageModel(files["float32"]).size),
        ("dense", DENSE_SIZE),
    ):
        (pixels,) = make_images(1, size, seed=5)
        paths[name] = folder / f"{name}.png"
        Image.fromarray(np.asarray(pixels).astype("uint8")).save(paths[name])
    return paths


@pytest.fixture(scope="module")
def answers(files, dense_files, pictures, tmp_path_factory):
    """Answers of MediaPipe, by name of the file."""
    folder = tmp_path_factory.mktemp("probe")
    jobs = {
        "float32": ("classify", files["float32"], pictures["small"]),
        "int8": ("classify", files["int8"], pictures["small"]),
        "boxes": ("detect", dense_files["boxes"], pictures["dense"]),
        "masks": ("segment", dense_files["masks"], pictures["dense"]),
    }
    listed = folder / "jobs.json"
    listed.write_text(json.dumps([list(map(str, j)) for j in jobs.values()]))
    python = python_with(REQUIREMENTS, folder, "mediapipe")
    done = subprocess.run(
        [*python, PROBE, listed], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(jobs, json.loads(done.stdout), strict=True))


def probabilities(path, picture):
    """Of the whole picture, whose edges the description would cut off."""
    model = ImageModel(path)
    return dict(
        zip(
            model.info.labels,
            model.predict(np.asarray(Image.open(picture))).tolist(),
            strict=True,
        )
    )


def test_classes(answers, files, pictures):
    ours = probabilities(files["float32"], pictures["small"])
    names, _ = zip(*answers["float32"], strict=True)
    assert list(names) == sorted(ours, key=ours.get, reverse=True)
    assert dict(answers["float32"]) == pytest.approx(ours, abs=1e-5)


def test_classes_of_an_int8_file(answers, files, pictures):
    """Its runtime is of another version, whose int8 sums round otherwise."""
    ours = probabilities(files["int8"], pictures["small"])
    theirs = dict(answers["int8"])
    assert theirs.keys() == set(LABELS)
    assert max(theirs, key=theirs.get) == max(ours, key=ours.get)
    assert theirs == pytest.approx(ours, abs=0.05)


def test_boxes(answers, dense_files, pictures):
    detector = Detector(dense_files["boxes"])
    ours = detector.detect(pictures["dense"])
    assert len(answers["boxes"]) == 20
    for theirs, detection in zip(answers["boxes"], ours, strict=False):
        name, score, box = theirs
        assert name == detection.name
        assert score == pytest.approx(detection.score, abs=1e-5)
        # MediaPipe cuts both corner and sides down to whole pixels, and lets
        # boxes stick out of the image.
        box = np.clip(box, 0, 2 * DENSE_SIZE[::-1])
        assert box == pytest.approx(np.array(detection.box), abs=2)


def test_mask(answers, dense_files, pictures):
    ours = Segmenter(dense_files["masks"]).segment(pictures["dense"])
    assert answers["masks"]["labels"] == list(REGIONS)
    assert np.array_equal(answers["masks"]["mask"], ours)
