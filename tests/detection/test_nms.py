"""Non-maximum suppression, against a plain loop over boxes."""

import inspect

import numpy as np
import pytest
from keras import ops

from keras_mobilevit.detection import decode_predictions, non_max_suppression
from keras_mobilevit.detection.predictions import select_boxes
from keras_mobilevit.tflite.output_heads.detection import Nms


@pytest.fixture(params=["arrays", "tensors"])
def suppress(request):
    """Without Keras, or on its backend."""
    if request.param == "arrays":
        return non_max_suppression

    def suppress_tensors(boxes, scores, *arguments, **options):
        tensors = map(ops.convert_to_tensor, (boxes, scores))
        return non_max_suppression(*tensors, *arguments, **options)

    return suppress_tensors


def nms_by_hand(boxes, scores, iou_threshold, score_threshold, max_boxes):
    """One image: the kept (score, index, class), best first."""
    kept = []
    for label in range(scores.shape[1]):
        left = [
            i for i in range(len(boxes)) if scores[i, label] > score_threshold
        ]
        left.sort(key=lambda i: (-scores[i, label], i))
        while left:
            best = left.pop(0)
            kept.append((scores[best, label], best, label))
            left = [
                i for i in left if iou(boxes[best], boxes[i]) <= iou_threshold
            ]
    kept.sort(key=lambda k: (-k[0], k[1], k[2]))
    return kept[:max_boxes]


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    intersection = max(width, 0.0) * max(height, 0.0)
    areas = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return intersection / (areas - intersection) if intersection else 0.0


def check(suppress, boxes, scores, iou_threshold, score_threshold, max_boxes):
    found = suppress(boxes, scores, iou_threshold, score_threshold, max_boxes)
    found_boxes, found_scores, found_classes, counts = map(np.array, found)
    for image in range(len(boxes)):
        expected = nms_by_hand(
            boxes[image],
            scores[image],
            iou_threshold,
            score_threshold,
            max_boxes,
        )
        count = counts[image]
        assert count == len(expected)
        np.testing.assert_array_equal(
            found_scores[image, :count], [k[0] for k in expected]
        )
        np.testing.assert_array_equal(
            found_classes[image, :count], [k[2] for k in expected]
        )
        np.testing.assert_array_equal(
            found_boxes[image, :count],
            np.reshape([boxes[image, k[1]] for k in expected], (-1, 4)),
        )
        for padding in (found_boxes, found_scores, found_classes):
            assert not padding[image, count:].any()
    return counts


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("max_boxes", [5, 300])
def test_random_boxes(suppress, seed, max_boxes):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.7, (2, 60, 2))
    sides = rng.uniform(0.1, 0.5, (2, 60, 2))
    boxes = np.concatenate([low, low + sides], axis=-1).astype(np.float32)
    scores = rng.random((2, 60, 4)).astype(np.float32)
    counts = check(suppress, boxes, scores, 0.4, 0.2, max_boxes)
    if max_boxes == 5:
        np.testing.assert_array_equal(counts, 5)
    else:
        assert (counts < (scores > 0.2).sum(axis=(1, 2))).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("iou_threshold", [0.0, 0.25, 0.5])
def test_ties(suppress, seed, iou_threshold):
    """Few scores and boxes on a grid: equal scores, IoU at the threshold."""
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 4, (3, 50, 2))
    sides = rng.integers(1, 5, (3, 50, 2))
    boxes = np.concatenate([low, low + sides], axis=-1).astype(np.float32)
    scores = rng.integers(0, 4, (3, 50, 3)).astype(np.float32) / 4
    check(suppress, boxes, scores, iou_threshold, 0.25, 40)


def test_one_image(suppress):
    """Of a batch of one, Keras could take boxes for biases."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1, (1, 60, 2, 2)).astype(np.float32)
    boxes = np.concatenate([corners.min(axis=2), corners.max(axis=2)], axis=-1)
    scores = rng.uniform(0, 1, (1, 60, 3)).astype(np.float32)
    check(suppress, boxes, scores, 0.3, 0.1, 100)


def test_a_tie_by_hand(suppress):
    boxes = np.array([[[0, 0, 2, 2], [0, 0, 2, 2], [5, 5, 6, 6]]], np.float32)
    scores = np.full((1, 3, 2), 0.5, np.float32)
    found = suppress(boxes, scores)
    np.testing.assert_array_equal(found.count, [4])
    np.testing.assert_array_equal(found.classes[0, :4], [0, 1, 0, 1])
    np.testing.assert_array_equal(found.boxes[0, :4, 0], [0, 0, 5, 5])


def test_thresholds_of_the_authors_first_version(suppress):
    """IoU 0.5 and scores above 0.05, as version 0.1 of their code has them."""
    boxes = np.array(
        [
            [0, 0, 10, 10],
            [0, 0, 10, 4.9],  # IoU 0.49 with the first.
            [20, 0, 30, 10],
            [20, 0, 30, 5.1],  # 0.51 with the third.
            [40, 0, 50, 10],
            [60, 0, 70, 10],
        ],
        np.float32,
    )
    scores = np.array([0.9, 0.8, 0.9, 0.8, 0.051, 0.049], np.float32)
    found = suppress(boxes[None], scores[None, :, None])
    np.testing.assert_array_equal(found.count, [4])
    np.testing.assert_array_equal(
        found.scores[0, :4], np.float32([0.9, 0.9, 0.8, 0.051])
    )


def test_two_hundred_boxes_of_an_image_stay(suppress):
    """Over all classes, as from version 0.2 on; the first kept 200 of each."""
    left = np.arange(150, dtype=np.float32)
    boxes = np.stack([left, left * 0, left + 0.9, left * 0 + 1], -1)[None]
    scores = np.linspace(0.9, 0.1, 300, dtype=np.float32).reshape(1, 150, 2)
    found = suppress(boxes, scores)
    np.testing.assert_array_equal(found.count, [200])
    np.testing.assert_array_equal(found.scores[0], scores.ravel()[:200])


def test_all_that_decode_suppress_alike():
    """Models, files and their output heads, by default."""
    names = ("iou_threshold", "score_threshold", "max_boxes")
    defaults = [
        tuple(inspect.signature(taker).parameters[n].default for n in names)
        for taker in (
            non_max_suppression,
            select_boxes,
            decode_predictions,
            Nms,
        )
    ]
    assert defaults == [(0.5, 0.05, 200)] * 4


def test_long_chain(suppress):
    """Each box overlaps the next: the greedy rule keeps every other one."""
    start = np.arange(50, dtype=np.float32)
    boxes = np.stack([start, start * 0, start + 3, start * 0 + 1], -1)[None]
    scores = np.linspace(0.9, 0.1, 50, dtype=np.float32)[None, :, None]
    found = suppress(boxes, scores, iou_threshold=0.4)
    np.testing.assert_array_equal(found.count, [25])
    np.testing.assert_array_equal(found.boxes[0, :25, 0], start[::2])


def test_boxes_without_area_do_not_suppress(suppress):
    boxes = np.zeros((1, 3, 4), np.float32)
    scores = np.full((1, 3, 1), 0.5, np.float32)
    np.testing.assert_array_equal(suppress(boxes, scores).count, [3])


def test_nothing_above_the_threshold(suppress):
    """The threshold itself is not above it; nor is what is no number."""
    scores = np.array([[[0.5], [0.2], [np.nan]]], np.float32)
    boxes = np.ones((1, 3, 4), np.float32)
    found = suppress(boxes, scores, score_threshold=0.5)
    np.testing.assert_array_equal(found.count, [0])
    assert not np.array(found.boxes).any()


def test_arrays_give_arrays():
    boxes, scores = np.zeros((1, 3, 4)), np.full((1, 3, 2), 0.5)
    found = non_max_suppression(boxes, scores)
    assert all(type(array) is np.ndarray for array in found)
    dtypes = [array.dtype for array in found]
    assert dtypes == [np.float32, np.float32, np.int32, np.int32]


def test_compiled_for_any_shape():
    tf = pytest.importorskip("tensorflow")

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 4]),
            tf.TensorSpec([None, None, 3]),
        ]
    )
    def compiled(boxes, scores):
        return non_max_suppression(boxes, scores, 0.4, 0.2, 20)

    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.7, (2, 30, 2))
    boxes = np.concatenate([low, low + 0.3], axis=-1).astype(np.float32)
    scores = rng.random((2, 30, 3)).astype(np.float32)
    expected = non_max_suppression(boxes, scores, 0.4, 0.2, 20)
    for a, b in zip(compiled(boxes, scores), expected, strict=True):
        np.testing.assert_array_equal(np.array(a), np.array(b))


def test_only_the_best_candidates_are_looked_at(suppress):
    boxes = np.array([[[0, 0, 2, 2], [0, 0, 2, 2], [5, 5, 6, 6]]], np.float32)
    scores = np.array([[[0.9], [0.8], [0.7]]], np.float32)
    options = dict(max_boxes=2)
    found = suppress(boxes, scores, **options, max_candidates=2)
    np.testing.assert_array_equal(found.count, [1])
    found = suppress(boxes, scores, **options, max_candidates=3)
    np.testing.assert_array_equal(found.count, [2])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"iou_threshold": 1.1}, "1.1"),
        ({"iou_threshold": -0.1}, r"in \[0, 1\]"),
        ({"score_threshold": -1}, "at least 0"),
        ({"max_boxes": 0}, "Received: 0"),
        ({"max_boxes": 50, "max_candidates": 10}, "50 and 10"),
    ],
)
def test_bad_arguments(options, match):
    boxes, scores = np.zeros((1, 3, 4)), np.zeros((1, 3, 2))
    with pytest.raises(ValueError, match=match):
        non_max_suppression(boxes, scores, **options)
