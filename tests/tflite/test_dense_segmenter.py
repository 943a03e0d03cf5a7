"""Masks of pictures, from Keras models and files alike.

The networks say of each pixel whether it is red (0), green (1) or blue (2).
"""

import numpy as np
import pytest
from dense_models import StandIn, colour_segmenter, constant_model
from image_files import encode

from keras_mobilevit.tflite import runners
from keras_mobilevit.tflite.dense_prediction import Segmenter

COLOURS = ("red", "green", "blue")
SIZE = (4, 4)


def painted(mask):
    """A picture of the colours of a mask."""
    return 255 * np.eye(3, dtype=np.uint8)[np.asarray(mask)]


# Red left, blue right; below green. A picture of 12 x 20 pixels.
MASK = np.zeros((12, 20), np.uint8)
MASK[:, 10:] = 2
MASK[9:] = 1
PICTURE = encode(painted(MASK))


@pytest.fixture
def stand_in(monkeypatch):
    """Makes a file that answers by a function."""
    monkeypatch.setattr(runners, "ImageModel", StandIn)

    def make(answer, kind, labels=COLOURS, **facts):
        facts = {"task": "segmentation", **facts}
        return StandIn(answer, SIZE, kind=kind, labels=labels, **facts)

    return make


# === What is found ===


def test_a_keras_model():
    segmenter = Segmenter(colour_segmenter(), COLOURS)
    assert (segmenter.size, segmenter.labels) == (SIZE, COLOURS)
    mask = segmenter.segment(PICTURE)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, MASK)


@pytest.mark.parametrize("kind", ["logits", "probabilities"])
def test_a_file_of_logits(stand_in, kind):
    segmenter = Segmenter(stand_in(lambda image: image / 255, kind))
    assert segmenter.labels == COLOURS
    np.testing.assert_array_equal(segmenter.segment(PICTURE), MASK)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
@pytest.mark.parametrize("shape", [SIZE, (*SIZE, 1)])
def test_a_file_that_ends_in_a_mask(stand_in, dtype, shape):
    def answer(image):
        return image.argmax(axis=-1).astype(dtype).reshape(shape)

    mask = Segmenter(stand_in(answer, "mask")).segment(PICTURE)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, MASK)


def test_ids_are_repeated_around_their_centres(stand_in):
    """Four ids over six pixels, whose centres are at 1/3, 1, 5/3, ..."""
    ids = np.arange(4) * np.ones((4, 1), int)
    segmenter = Segmenter(stand_in(lambda _: ids, "mask"))
    (mask,) = segmenter.segment_batch(
        np.zeros((1, *SIZE, 3), np.uint8), [(1, 6)]
    )
    assert mask.tolist() == [[0, 1, 1, 2, 3, 3]]


def test_logits_of_a_coarse_map_are_interpolated(stand_in):
    """Class 1 wins behind a third of the way from one centre to the other.

    The centres of the map lie at 1/4 and 3/4, those of the twelve pixels at
    1/24, 3/24, ...; a third of the way is 10/24, between the fifth and the
    sixth.
    """
    logits = np.array([[[1, 0], [-1, 1]]], np.float32)
    path = stand_in(lambda _: logits, "logits", labels=("a", "b"))
    (mask,) = Segmenter(path).segment_batch(
        np.zeros((1, *SIZE, 3), np.uint8), [(1, 12)]
    )
    assert mask.tolist() == [[0] * 5 + [1] * 7]


def test_labels():
    assert Segmenter(colour_segmenter()).labels == ("0", "1", "2")


def test_a_file_without_labels(stand_in):
    path = stand_in(lambda image: image, "logits", labels=())
    assert Segmenter(path).labels == ()
    assert Segmenter(path, COLOURS).labels == COLOURS


def test_a_model_of_any_size():
    segmenter = Segmenter(colour_segmenter((None, None)), size=(8, 12))
    assert segmenter.size == (8, 12)
    np.testing.assert_array_equal(segmenter.segment(PICTURE)[:8], MASK[:8])


# === What does not fit ===


def test_labels_of_another_number():
    with pytest.raises(ValueError, match="3 classes.*2 labels"):
        Segmenter(colour_segmenter(), ("red", "green"))


def test_other_kinds_of_models(stand_in):
    with pytest.raises(ValueError, match="for segmentation.*None, 5"):
        Segmenter(constant_model(np.zeros(5)))
    for facts in (
        {"task": "detection", "kind": "anchors"},
        {"kind": "boxes"},
    ):
        with pytest.raises(ValueError, match="Expected.*for segmentation"):
            Segmenter(stand_in(None, **facts))
    with pytest.raises(ValueError, match="any size"):
        Segmenter(colour_segmenter((None, None)))
