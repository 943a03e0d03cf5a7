"""Boxes and names on pictures, pixel by pixel where they can be foretold."""

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.detection import Detection, draw_detections
from keras_mobilevit.detection.drawing import class_color

GREY = 100


def picture(height=100, width=200):
    return np.full((height, width, 3), GREY, np.uint8)


def changed(image):
    """Left, top, right, bottom of the pixels that were drawn over."""
    rows, columns = np.nonzero((np.asarray(image) != GREY).any(axis=-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_the_box_is_drawn_in_the_colour_of_its_class():
    before = picture()
    image = draw_detections(before, [Detection(3, "a", 0.5, (50, 40, 90, 80))])
    assert (image.mode, image.size) == ("RGB", (200, 100))
    pixels = np.asarray(image)
    for edge in (
        pixels[50:81, 50],
        pixels[50:81, 90],
        pixels[80, 50:91],
    ):
        assert (edge == class_color(3)).all()
    # Inside and outside of it the picture is as it was.
    assert (pixels[42:79, 52:89] == GREY).all()
    assert (pixels[:, 92:] == GREY).all() and (pixels[82:] == GREY).all()
    assert (before == GREY).all()


def test_the_name_stands_above_its_box():
    image = draw_detections(
        picture(), [Detection(1, "cat", 0.5, (50, 40, 190, 80))]
    )
    left, top, right, bottom = changed(image)
    assert (left, right, bottom) == (50, 191, 81)
    assert 20 <= top < 40
    label = np.asarray(image)[top:40, 50:70]
    assert (label == class_color(1)).all(axis=-1).any()
    # White letters: the colour of the class, a dark blue, has little red.
    assert class_color(1)[0] < 50
    assert label[..., 0].max() > 180


def test_letters_are_dark_on_light_colours():
    image = draw_detections(
        picture(), [Detection(2, "cat", 0.5, (50, 40, 190, 80))]
    )
    _, top, _, _ = changed(image)
    label = np.asarray(image)[top:40, 50:70]
    # Black letters: the colour of the class is a light green.
    assert class_color(2)[1] == 255
    assert label[..., 1].min() < 80


def test_a_name_without_room_above_stands_inside():
    image = draw_detections(
        picture(), [Detection(1, "cat", 0.5, (50, 2, 150, 90))]
    )
    pixels = np.asarray(image)
    assert changed(image)[1] == 2
    assert (pixels[5, 52:60] == class_color(1)).all(axis=-1).any()


def test_a_name_at_the_right_edge_is_moved_in():
    box = (190, 50, 198, 60)
    alone = draw_detections(picture(), [Detection(1, "", 0.5, box)])
    image = draw_detections(picture(), [Detection(1, "elephant", 0.5, box)])
    left, _, right, _ = changed(image)
    assert changed(alone)[0] > left > 100
    # All of the name is there: as much as of one that has room.
    roomy = draw_detections(
        picture(), [Detection(1, "elephant", 0.5, (20, 50, 28, 60))]
    )
    assert right - left == pytest.approx(
        changed(roomy)[2] - changed(roomy)[0], abs=1
    )


def test_the_best_is_drawn_last():
    worse = Detection(1, "a", 0.3, (50, 40, 90, 80))
    better = Detection(2, "b", 0.9, (50, 40, 90, 80))
    for order in ([worse, better], [better, worse]):
        pixels = np.asarray(draw_detections(picture(), order))
        assert (pixels[80, 50:91] == class_color(2)).all()


def test_lines_grow_with_the_image():
    def width(scale):
        box = tuple(scale * side for side in (50, 40, 90, 80))
        image = draw_detections(
            picture(100 * scale, 200 * scale), [Detection(1, "", 0.5, box)]
        )
        row = np.asarray(image)[60 * scale, : 70 * scale]
        return np.count_nonzero((row != GREY).any(axis=-1))

    assert (width(1), width(10)) == (1, 8)


def test_nothing_to_draw():
    image = draw_detections(Image.new("L", (9, 9), GREY), [])
    assert image.mode == "RGB"
    assert (np.asarray(image) == GREY).all()


def test_colours_of_coco_lie_apart():
    """Any two classes differ by 5 steps or more of some channel."""
    colors = np.array([class_color(i) for i in range(1, 81)])
    distance = abs(colors[:, None] - colors[None]).max(axis=-1)
    assert distance[~np.eye(80, dtype=bool)].min() >= 5
    # Those of neighbours by much more.
    assert distance.diagonal(offset=1).min() >= 100
