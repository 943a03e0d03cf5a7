"""Boxes on pictures, from Keras models and files alike."""

import threading

import keras
import numpy as np
import pytest
from dense_models import (
    LABELS,
    SIZE,
    StandIn,
    colour_segmenter,
    constant_model,
    predictions_of,
)
from image_files import encode, plain

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite import runners
from keras_mobilevit.tflite.dense_prediction import Detector

# Left, top, right, bottom as shares of the sides; class; probability.
CAT = ((0.1, 0.2, 0.5, 0.6), 1, 0.9)
DOG = ((0.5, 0.5, 0.9, 0.75), 2, 0.7)
# The same in pixels of a picture of 200 x 400.
IN_PIXELS = {"cat": (40, 40, 200, 120), "dog": (200, 100, 360, 150)}
PICTURE = encode(plain(9, 200, 400))


@pytest.fixture
def stand_in(monkeypatch):
    """Makes a file that answers by a function, and returns its path."""
    monkeypatch.setattr(runners, "ImageModel", StandIn)

    def make(answer, kind="anchors", labels=LABELS[1:], **facts):
        facts = {"task": "detection", **facts}
        return StandIn(answer, kind=kind, labels=labels, **facts)

    return make


def check(detections):
    assert [d.name for d in detections] == ["cat", "dog"]
    assert [d.class_index for d in detections] == [1, 2]
    scores = [d.score for d in detections]
    np.testing.assert_allclose(scores, [0.9, 0.7], atol=1e-4)
    for d in detections:
        np.testing.assert_allclose(d.box, IN_PIXELS[d.name], atol=0.01)


def suppressed(*objects, room=4):
    """What a file with suppression inside says, from top, left on."""
    output = {
        "boxes": np.zeros((room, 4), np.float32),
        "classes": np.zeros(room, np.float32),
        "scores": np.zeros(room, np.float32),
        "count": np.float32(len(objects)),
    }
    for i, (box, label, probability) in enumerate(objects):
        output["boxes"][i] = np.array(box)[[1, 0, 3, 2]]
        output["classes"][i] = label - 1
        output["scores"][i] = probability
    return output


# === What is found ===


def test_a_keras_model():
    model = constant_model(predictions_of(CAT, DOG))
    detector = Detector(model, LABELS)
    assert (detector.size, detector.labels) == (SIZE, LABELS)
    check(detector.detect(PICTURE))


def test_a_file_of_raw_outputs(stand_in):
    detector = Detector(stand_in(lambda _: predictions_of(CAT, DOG)))
    assert detector.labels == LABELS
    check(detector.detect(PICTURE))


def test_a_file_with_suppression_inside(stand_in):
    """Best first, whatever the order of the file."""
    detector = Detector(stand_in(lambda _: suppressed(DOG, CAT), "boxes"))
    check(detector.detect(PICTURE))


@pytest.mark.parametrize("kind", ["anchors", "boxes"])
def test_thresholds(stand_in, kind):
    say = predictions_of if kind == "anchors" else suppressed
    path = stand_in(lambda _: say(CAT, DOG), kind)
    (cat,) = Detector(path, score_threshold=0.8).detect(PICTURE)
    assert cat.name == "cat"
    (cat,) = Detector(path, max_boxes=1).detect(PICTURE)
    assert cat.name == "cat"
    assert not Detector(path, score_threshold=0.95).detect(PICTURE)


@pytest.mark.parametrize("kind", ["anchors", "boxes"])
def test_boxes_are_cut_at_the_edges(stand_in, kind):
    say = predictions_of if kind == "anchors" else suppressed
    path = stand_in(lambda _: say(((-0.3, 0.5, 0.4, 1.25), 1, 0.9)), kind)
    ((cat),) = Detector(path).detect(PICTURE)
    np.testing.assert_allclose(cat.box, (0, 100, 160, 200), atol=0.01)


@pytest.mark.parametrize("kind", ["anchors", "boxes"])
def test_without_labels_classes_are_numbers(stand_in, kind):
    say = predictions_of if kind == "anchors" else suppressed
    path = stand_in(lambda _: say(CAT, DOG), kind, labels=())
    assert [d.name for d in Detector(path).detect(PICTURE)] == ["1", "2"]


def test_given_labels_come_first(stand_in):
    path = stand_in(lambda _: predictions_of(CAT))
    detector = Detector(path, ("background", "tiger", "wolf"))
    assert detector.detect(PICTURE)[0].name == "tiger"


def test_a_model_of_any_size():
    """The picture is brought to the size that is asked for."""
    seen = []

    class Spy(keras.layers.Layer):
        def call(self, x):
            seen.append(x.shape)
            return x

    inputs = keras.Input((None, None, 3))
    constant = constant_model(predictions_of(CAT), (None, None))
    model = keras.Model(inputs, constant(Spy()(inputs)))
    detector = Detector(model, LABELS, size=SIZE, info=ModelInfo())
    assert detector.detect(PICTURE)[0].name == "cat"
    assert tuple(seen[-1][1:3]) == SIZE


def test_workers_keep_the_order(stand_in, monkeypatch):
    """Each of two answers waits for the other one."""
    together = threading.Barrier(2)

    class Waiting(StandIn):
        def __init__(self, path):
            super().__init__(
                self.wait, task="detection", kind="boxes", labels=LABELS[1:]
            )

        def wait(self, image):
            together.wait(timeout=60)
            return suppressed(CAT if image[0, 0, 0] else DOG)

    monkeypatch.setattr(runners, "ImageModel", Waiting)
    images = np.zeros((4, *SIZE, 3), np.uint8)
    images[1] = images[2] = 255
    found = Detector("a.tflite", workers=2).detect_batch(
        images, [(200, 400)] * 4
    )
    assert [d.name for (d,) in found] == ["dog", "cat", "cat", "dog"]


def test_no_thread_is_left(stand_in, monkeypatch):
    """Also while the detector is there still."""
    file = stand_in(lambda _: suppressed(CAT), "boxes")

    class Copy(StandIn):
        def __init__(self, path):
            self.__dict__.update(vars(file))

    monkeypatch.setattr(runners, "ImageModel", Copy)
    before = threading.active_count()
    detector = Detector("a.tflite", workers=2)
    images = np.zeros((4, *SIZE, 3), np.uint8)
    assert len(detector.detect_batch(images, [(200, 400)] * 4)) == 4
    assert threading.active_count() == before


# === What does not fit ===


def test_other_kinds_of_keras_models():
    with pytest.raises(ValueError, match="for detection.*None, 4, 4, 3"):
        Detector(colour_segmenter())
    several = keras.Model(
        (inputs := keras.Input((8, 8, 3))), [inputs, inputs + 1]
    )
    with pytest.raises(ValueError, match="one output of rank 3"):
        Detector(several)


@pytest.mark.parametrize(
    ("facts", "match"),
    [
        ({"task": "classification", "kind": "logits"}, "for classification"),
        ({"task": "segmentation", "kind": "mask"}, "for segmentation"),
        ({"kind": "mask"}, "anchors.*boxes.*output mask"),
    ],
)
def test_other_kinds_of_files(stand_in, facts, match):
    with pytest.raises(ValueError, match=match):
        Detector(stand_in(None, **facts))


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.tflite"):
        Detector(tmp_path / "none.tflite")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "any size.*`size` must be given"),
        ({"size": (32, 32), "workers": 0}, "workers=0"),
    ],
)
def test_bad_arguments(options, match):
    model = constant_model(predictions_of(), (None, None))
    with pytest.raises(ValueError, match=match):
        Detector(model, LABELS, **options)


def test_another_size():
    model = constant_model(predictions_of())
    with pytest.raises(ValueError, match=r"\(64, 96\) pixels.*\(32, 32\)"):
        Detector(model, LABELS, size=(32, 32))


@pytest.mark.parametrize("kind", ["anchors", "boxes"])
def test_labels_of_another_number(stand_in, kind):
    say = predictions_of if kind == "anchors" else suppressed
    path = stand_in(lambda _: say(CAT, DOG), kind)
    with pytest.raises(ValueError, match="3 classes.*2 labels"):
        Detector(path, ("background", "cat")).detect(PICTURE)


def test_what_is_no_image():
    detector = Detector(constant_model(predictions_of()), LABELS)
    with pytest.raises(ValueError, match="Not a readable picture"):
        detector.detect(b"text")
    with pytest.raises(FileNotFoundError, match="no picture at none.jpg"):
        detector.detect("none.jpg")
