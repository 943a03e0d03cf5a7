"""Anchors, coding and matching, against the formulas written out again."""

import math

import numpy as np
import pytest
from keras import ops

from keras_mobilevit.detection import (
    decode_boxes,
    encode_boxes,
    make_anchors,
    make_targets,
    match_anchors,
)
from keras_mobilevit.detection.boxes import (
    pairwise_iou,
    to_centers,
    to_corners,
)

# === Anchors ===


def anchors_by_hand(height, width):
    smallest = [0.1, 0.258333, 0.416667, 0.575, 0.733333, 0.891667]
    larger = [0.160728, 0.328084, 0.489473, 0.649359, 0.808634, 0.967600]
    anchors = []
    for level, stride in enumerate((16, 32, 64, 128, 256, None)):
        rows = math.ceil(height / stride) if stride else 1
        columns = math.ceil(width / stride) if stride else 1
        s = smallest[level]
        for y in range(rows):
            for x in range(columns):
                shapes = [(s, s), (larger[level], larger[level])]
                for ratio in (2, 3) if stride else (2,):
                    r = math.sqrt(ratio)
                    shapes += [(s * r, s / r), (s / r, s * r)]
                for w, h in shapes:
                    center = ((x + 0.5) / columns, (y + 0.5) / rows)
                    anchors.append((*center, min(w, 1), min(h, 1)))
    return np.array(anchors)


@pytest.mark.parametrize(
    "size", [(320, 320), (32, 32), (300, 500), (33, 640), (1, 1)]
)
def test_anchors(size):
    found = make_anchors(size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, anchors_by_hand(*size), atol=2e-6)


def test_published_number_of_anchors():
    anchors = make_anchors((320, 320))
    assert anchors.shape == (3232, 4)
    levels = np.cumsum([0, 2400, 600, 150, 54, 24, 4])
    assert levels[-1] == 3232
    for start, scale in zip(levels[:-1], (0.1, 0.2583, 0.4167), strict=False):
        np.testing.assert_allclose(anchors[start, 2:], scale, atol=1e-4)
    # The pooled level: only its sides are cut at 1.
    np.testing.assert_allclose(
        anchors[3230:],
        [[0.5, 0.5, 1, 0.6305], [0.5, 0.5, 0.6305, 1]],
        atol=1e-4,
    )


# === Coding ===


def random_boxes(rng, count):
    """Boxes in corner form, of positive sides, some beyond the image."""
    center = rng.uniform(0, 1, (count, 2))
    half = rng.uniform(0.02, 0.4, (count, 2))
    return np.concatenate([center - half, center + half], axis=1)


def test_encoding_by_hand():
    """An anchor of 0.2 by 0.4 around (0.5, 0.5)."""
    anchors = np.array([[0.5, 0.5, 0.2, 0.4]])
    box = np.array([[0.5, 0.2, 0.7, 1.0]])  # centre (0.6, 0.6), 0.2 by 0.8
    expected = [[0.1 / 0.2 / 0.1, 0.1 / 0.4 / 0.1, 0, math.log(2) / 0.2]]
    np.testing.assert_allclose(encode_boxes(box, anchors), expected, atol=1e-12)


@pytest.mark.parametrize("convert", [np.asarray, ops.convert_to_tensor])
def test_decoding_by_hand(convert):
    anchors = np.array([[0.5, 0.5, 0.2, 0.4]])
    offsets = np.array([[[5.0, 2.5, 0.0, math.log(2) / 0.2]]])
    np.testing.assert_allclose(
        np.array(decode_boxes(convert(offsets), anchors)),
        [[[0.5, 0.2, 0.7, 1.0]]],
        atol=1e-6,
    )


def test_decoding_inverts_encoding():
    rng = np.random.default_rng(0)
    anchors = make_anchors((320, 320))
    boxes = random_boxes(rng, len(anchors))
    offsets = encode_boxes(boxes, anchors)
    found = np.array(decode_boxes(offsets[None], anchors))
    np.testing.assert_allclose(found[0], boxes, atol=1e-5)


def test_forms():
    corners = np.array([[0.1, 0.2, 0.5, 0.8]])
    centers = np.array([[0.3, 0.5, 0.4, 0.6]])
    np.testing.assert_allclose(to_centers(corners), centers)
    np.testing.assert_allclose(to_corners(centers), corners)


def test_iou_by_hand():
    a = np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.2, 0.2, 0.2, 0.9]])
    b = np.array([[0.5, 0, 1.5, 1], [0.6, 0.6, 0.9, 0.9]])
    expected = [[0.5 / 1.5, 0.09 / 1], [0, 0], [0, 0]]
    np.testing.assert_allclose(pairwise_iou(a, b), expected, atol=1e-4)
    # The epsilon in the denominator.
    assert pairwise_iou(a, a)[0, 0] == 1 / (1 + 1e-5)


# === Matching ===


def iou_of_two(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    intersection = max(width, 0) * max(height, 0)
    areas = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return intersection / (areas - intersection + 1e-5)


def match_by_hand(boxes, anchors):
    corners = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for x, y, w, h in anchors.tolist()
    ]
    iou = [[iou_of_two(c, b) for b in boxes.tolist()] for c in corners]
    match = []
    for row in iou:
        best = row.index(max(row))
        match.append(best if row[best] >= 0.5 else -1)
    for index in range(len(boxes)):
        column = [row[index] for row in iou]
        match[column.index(max(column))] = index
    return match


@pytest.mark.parametrize("seed", range(4))
def test_matching(seed):
    rng = np.random.default_rng(seed)
    anchors = make_anchors((96, 64))
    boxes = random_boxes(rng, 9)
    boxes[5] = boxes[2]  # equals: the last takes the anchor
    boxes[6] = to_corners(anchors[[40]])[0]
    found = match_anchors(boxes, anchors)
    np.testing.assert_array_equal(found, match_by_hand(boxes, anchors))
    assert found[40] == 6
    assert 5 in found


def test_every_box_gets_an_anchor_however_small():
    anchors = make_anchors((320, 320))
    boxes = np.array([[0.5, 0.5, 0.501, 0.501], [0, 0, 0.9, 0.05]])
    found = match_anchors(boxes, anchors)
    assert sorted(found[found >= 0]) == [0, 1]


def test_targets():
    anchors = make_anchors((320, 320))
    boxes = np.array([[0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.9, 1.2]])
    targets = make_targets(boxes, np.array([7, 80]), anchors)
    assert targets.shape == (3232, 5) and targets.dtype == np.float32
    match = np.array(match_by_hand(boxes, anchors))
    np.testing.assert_array_equal(
        targets[:, 4], np.where(match < 0, 0, np.array([7, 80])[match])
    )
    assert (match >= 0).sum() > 5
    for index in (0, 1):
        mine = match == index
        decoded = np.array(decode_boxes(targets[None, mine, :4], anchors[mine]))
        np.testing.assert_allclose(
            decoded[0], boxes[[index] * mine.sum()], atol=1e-5
        )
    assert not targets[match < 0].any()


def labels_in_float32(boxes, anchors):
    """The authors' rule, each operation in float32; labels count from 1."""
    half = anchors[:, 2:] * np.float32(0.5)
    corners = np.concatenate(
        [anchors[:, :2] - half, anchors[:, :2] + half], axis=1
    )[:, None]

    def area(low, high):
        sides = np.maximum(high - low, np.float32(0))
        return sides[..., 0] * sides[..., 1]

    overlap = area(
        np.maximum(boxes[:, :2], corners[..., :2]),
        np.minimum(boxes[:, 2:], corners[..., 2:]),
    )
    areas = area(boxes[:, :2], boxes[:, 2:]) + area(
        corners[..., :2], corners[..., 2:]
    )
    iou = overlap / (areas - overlap + np.float32(1e-5))
    assert iou.dtype == np.float32
    best, index = iou.max(axis=1), iou.argmax(axis=1)
    for box, anchor in enumerate(iou.argmax(axis=0)):
        index[anchor], best[anchor] = box, 2
    return np.where(best < 0.5, 0, index + 1)


def test_equal_overlaps_are_told_apart_in_float32():
    """A small box is in several anchors: in float64, others win."""
    rng = np.random.default_rng(0)
    anchors = make_anchors((320, 320))
    differ = 0
    for _ in range(30):
        low = rng.uniform(0, 0.9, (5, 2))
        boxes = np.concatenate([low, low + rng.uniform(0.005, 0.06, (5, 2))], 1)
        boxes = boxes.astype(np.float32)
        expected = labels_in_float32(boxes, anchors)
        found = make_targets(boxes, np.arange(1, 6), anchors)[:, 4]
        np.testing.assert_array_equal(found, expected)
        double = match_anchors(boxes.astype(np.float64), anchors) + 1
        differ += np.count_nonzero(double != expected)
    assert differ > 0


def test_an_image_without_boxes_is_background():
    anchors = make_anchors((64, 64))
    for boxes in (np.zeros((0, 4)), []):
        targets = make_targets(boxes, [], anchors)
        assert targets.shape == (len(anchors), 5)
        assert not targets.any()


def test_thousands_of_boxes():
    """More than anchors: the last box has the anchor that it claims."""
    anchors = make_anchors((64, 64))
    boxes = random_boxes(np.random.default_rng(0), 3000)
    labels = np.arange(3000) % 80 + 1
    targets = make_targets(boxes, labels, anchors)
    assert np.isfinite(targets).all()
    overlaps = [iou_of_two(c, boxes[-1]) for c in to_corners(anchors)]
    claimed = int(np.argmax(overlaps))
    assert targets[claimed, 4] == labels[-1]
    np.testing.assert_allclose(
        targets[[claimed], :4],
        encode_boxes(boxes[-1:], anchors[[claimed]]),
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("boxes", "labels", "match"),
    [
        ([[0.5, 0.5, 0.5, 0.9]], [1], r"right > left.*\[0.5, 0.5, 0.5, 0.9\]"),
        ([[0, 0, 1, 1], [0.5, 0.9, 0.6, 0.5]], [1, 1], "bottom > top.*0.6"),
        ([[0, 0, float("nan"), 1]], [1], "nan"),
        ([[0, 0, float("inf"), 1]], [1], "inf"),
        ([[0, 0, 1, 1]], [0], "0 is the background.*Received: 0"),
        ([[0, 0, 1, 1]], [-2], "Received: -2"),
        ([[0, 0, 1, 1]], [1, 2], "1 boxes and 2 labels"),
    ],
)
def test_targets_of_bad_boxes(boxes, labels, match):
    with pytest.raises(ValueError, match=match):
        make_targets(boxes, labels, make_anchors((32, 32)))
