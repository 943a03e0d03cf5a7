"""The augmentation of SSD, on pictures whose boxes can be told from pixels."""

import colorsys

import numpy as np
import pytest

from keras_mobilevit.detection import augment
from keras_mobilevit.detection.augmentation import (
    distort_colors,
    flip,
    random_crop,
    shift_hue,
)


def scene(seed=0, size=(120, 160), count=4):
    """A picture whose boxes are bright, each in its own brightness."""
    rng = np.random.default_rng(seed)
    image = np.zeros((*size, 3), np.uint8)
    boxes = []
    for index in range(count):
        # Apart from each other, so that each can be told.
        left, top = 10 + 35 * index, rng.integers(5, 60)
        right, bottom = left + 30, top + rng.integers(20, 60)
        image[top:bottom, left:right] = 150 + 35 * index
        boxes.append((left, top, right, bottom))
    return image, np.array(boxes, np.float32), np.arange(1, count + 1)


def bright_box(image, label):
    """Corners of the pixels of a label."""
    rows, columns = np.nonzero(image[..., 0] == 150 + 35 * (label - 1))
    return (
        columns.min(),
        rows.min(),
        columns.max() + 1,
        rows.max() + 1,
    )


# === Crop ===


@pytest.mark.parametrize("seed", range(20))
def test_boxes_stay_on_their_pixels(seed):
    image, boxes, labels = scene(count=3)
    part, found, kept = random_crop(
        image, boxes, labels, np.random.default_rng(seed)
    )
    assert len(kept) and found.shape == (len(kept), 4)
    assert found.dtype == np.float32
    for box, label in zip(found, kept, strict=True):
        np.testing.assert_array_equal(box, bright_box(part, label))
    # The arguments are as they were.
    np.testing.assert_array_equal(boxes, scene(count=3)[1])


def test_crops_keep_the_rules():
    image, boxes, labels = scene(count=3)
    rng = np.random.default_rng(0)
    shapes, dropped = [], 0
    for _ in range(200):
        part, _, kept = random_crop(image, boxes, labels, rng)
        shapes.append(part.shape[:2])
        dropped += len(kept) < 3
    heights, widths = np.array(shapes).T
    assert dropped > 20
    # A seventh is not cropped at all, or more: some minima are never met.
    whole = (heights == 120) & (widths == 160)
    assert 20 < whole.sum() < 120
    # The sides are cut off to whole pixels.
    assert heights.min() >= 0.3 * 120 - 1 and widths.min() >= 0.3 * 160 - 1
    aspect = heights[~whole] / widths[~whole]
    assert aspect.min() > 0.48 and aspect.max() < 2.1


def test_one_box_that_is_the_image_is_always_kept():
    image = np.zeros((50, 80, 3), np.uint8)
    boxes = np.float32([[0, 0, 80, 50]])
    rng = np.random.default_rng(0)
    for _ in range(50):
        part, found, labels = random_crop(image, boxes, np.array([5]), rng)
        height, width = part.shape[:2]
        np.testing.assert_array_equal(found, [[0, 0, width, height]])
        np.testing.assert_array_equal(labels, [5])


def test_nothing_is_cropped_without_boxes():
    image, boxes, labels = scene()
    found = random_crop(image, boxes[:0], labels[:0], np.random.default_rng(0))
    assert found[0] is image and found[1].shape == (0, 4)


def test_images_of_one_pixel():
    image = np.zeros((1, 1, 3), np.uint8)
    boxes = np.float32([[0, 0, 1, 1]])
    found = random_crop(image, boxes, np.array([1]), np.random.default_rng(3))
    assert found[0].shape == (1, 1, 3)


# === Colours ===


def test_hue_by_hand():
    red = np.full((2, 3, 3), (255, 0, 0), np.uint8)
    for degrees, expected in (
        (0, (255, 0, 0)),
        (120, (0, 255, 0)),
        (-120, (0, 0, 255)),
        (360, (255, 0, 0)),
    ):
        found = shift_hue(red, degrees).astype(int)
        assert abs(found - expected).max() <= 6, degrees


class Drawn:
    """A generator of which the hue alone is drawn, at a share of its range."""

    def __init__(self, share):
        self.share = share

    def random(self, count):
        return np.array([1, 1, 1, 0, 1, 1])

    def uniform(self, low, high):
        return low + self.share * (high - low)


@pytest.mark.parametrize(
    ("share", "degrees"),
    # As int(255 * shift) of version 0.1 of the authors, doubled by OpenCV.
    [(0, -24), (0.3, -10), (0.47, 0), (0.53, 0), (0.6, 4), (0.999, 24)],
)
def test_the_hue_moves_in_whole_steps(share, degrees):
    green = np.full((1, 1, 3), (20, 200, 20), np.uint8)
    found = distort_colors(green, Drawn(share))[0, 0] / 255
    hue = 360 * colorsys.rgb_to_hsv(*found)[0]
    # One step of Pillow's hue is 1.4 degrees.
    assert abs(hue - 120 - degrees) < 1.5
    if degrees == 0:
        np.testing.assert_array_equal(np.round(found * 255), green[0, 0])


def test_the_hue_does_not_turn_back_beyond_red():
    red = np.full((1, 1, 3), (200, 20, 20), np.uint8)
    found = distort_colors(red, Drawn(0))
    np.testing.assert_array_equal(found, red)
    assert distort_colors(red, Drawn(0.999))[0, 0, 1] > 60


def test_contrast_changes_three_images_of_four():
    grey = np.full((1, 1, 3), 100, np.uint8)
    rng = np.random.default_rng(0)
    chances = rng.random((1000, 6))
    changed = 0
    for row in chances:
        row[1:4] = row[5] = 1
        drawn = Drawn(0.9)
        drawn.random = lambda count, row=row: row
        changed += int(distort_colors(grey, drawn)[0, 0, 0] != 100)
    assert 700 < changed < 800


def test_saturation_by_hand():
    pink = np.full((1, 1, 3), (200, 100, 100), np.uint8)
    np.testing.assert_array_equal(shift_hue(pink, 0, 0), [[[200, 200, 200]]])
    found = shift_hue(pink, 0, 0.5)[0, 0].astype(int)
    assert abs(found - (200, 150, 150)).max() <= 2
    # Saturation ends at full.
    np.testing.assert_array_equal(shift_hue(pink, 0, 9), [[[200, 0, 0]]])


def test_colours_vary_within_their_limits():
    grey = np.full((4, 4, 3), 100, np.uint8)
    rng = np.random.default_rng(0)
    values = []
    for _ in range(300):
        found = distort_colors(grey, rng)
        assert found.shape == grey.shape and found.dtype == np.uint8
        assert np.ptp(found) == 0  # grey has neither hue nor saturation
        values.append(int(found[0, 0, 0]))
    # 100 * 1.5 + 51 at most; 100 * 0.5 - 51 is cut at 0.
    assert min(values) < 35
    assert 175 < max(values) <= 201
    # Three changes, each off in half of the cases, of the brightness.
    assert 300 / 16 < values.count(100) < 300 / 4


def test_channels_are_permuted():
    """The hue moves by less than from one primary colour to the next."""
    red = np.full((1, 1, 3), (200, 20, 20), np.uint8)
    rng = np.random.default_rng(0)
    first = [int(distort_colors(red, rng)[0, 0].argmax()) for _ in range(200)]
    counts = np.bincount(first, minlength=3)
    assert counts[0] > 100 and counts[1] > 15 and counts[2] > 15


# === Flip, and all of it ===


def test_flip():
    image, boxes, _ = scene()
    found, moved = flip(image, boxes)
    np.testing.assert_array_equal(found[:, 0], image[:, -1])
    for label, box in enumerate(moved, start=1):
        np.testing.assert_array_equal(box, bright_box(found, label))
    back, same = flip(found, moved)
    np.testing.assert_array_equal(back, image)
    np.testing.assert_array_equal(same, boxes)
    assert flip(image, boxes[:0])[1].shape == (0, 4)


@pytest.mark.parametrize("seed", range(10))
def test_augment(seed):
    image, boxes, labels = scene(seed)
    found, moved, kept = augment(
        image, boxes, labels, (48, 64), np.random.default_rng(seed)
    )
    assert found.shape == (48, 64, 3) and found.dtype == np.uint8
    assert moved.shape == (len(kept), 4) and moved.dtype == np.float32
    assert len(kept)
    assert moved.min() >= 0 and moved.max() <= 1
    assert (moved[:, 2:] > moved[:, :2]).all()
    # The middle of each box is brighter than what is around the boxes, unless
    # nothing is: the order of brightness outlives all changes.
    for left, top, right, bottom in moved * (64, 48, 64, 48):
        if (right - left) * (bottom - top) < 0.95 * 48 * 64:
            x, y = int((left + right) / 2), int((top + bottom) / 2)
            assert found[y, x].min() > int(found.min()) + 10


def test_the_same_seed_gives_the_same_image():
    arguments = (*scene(), (48, 64))
    first = augment(*arguments, np.random.default_rng(1))
    second = augment(*arguments, np.random.default_rng(1))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_augment_without_boxes():
    image, boxes, labels = scene()
    found, boxes, labels = augment(
        image, boxes[:0], labels[:0], (32, 32), np.random.default_rng(0)
    )
    assert found.shape == (32, 32, 3)
    assert boxes.shape == (0, 4) and labels.shape == (0,)
