"""Overlays with a legend."""

import numpy as np
import pytest

from keras_mobilevit.segmentation import overlay, voc_palette
from keras_mobilevit.segmentation.legend import class_shares, named_overlay

PICTURE = np.full((30, 80, 3), 100, np.uint8)
MASK = np.zeros((30, 80), np.uint8)
MASK[:, 20:] = 2
MASK[0, :] = 255


def patches(image):
    """Class ids, of the first seven, whose colours the legend shows."""
    legend = np.asarray(image)[30:]
    colors = voc_palette()[:7]
    shown = (legend[:, :, None] == colors).all(axis=-1).sum(axis=(0, 1))
    return set(np.flatnonzero(shown > 50).tolist())


def test_shares():
    assert class_shares(MASK) == {
        2: pytest.approx(29 * 60 / 2400),
        0: pytest.approx(29 * 20 / 2400),
        255: pytest.approx(80 / 2400),
    }


def test_the_background_stays_as_it_is():
    image = named_overlay(PICTURE, MASK, ("background", "a", "b"))
    assert image.width == 80 and image.height > 30
    np.testing.assert_array_equal(
        np.asarray(image)[:30], np.asarray(overlay(PICTURE, MASK))
    )
    assert patches(image) == {2}


def test_without_labels_the_first_class_is_the_background():
    image = named_overlay(PICTURE, MASK)
    np.testing.assert_array_equal(
        np.asarray(image)[:30], np.asarray(overlay(PICTURE, MASK))
    )


def test_without_a_background_all_classes_have_a_colour():
    image = named_overlay(PICTURE, MASK, ("sky", "a", "b"), opacity=1)
    pixels = np.asarray(image)
    # Colours 1 and 3 of Pascal VOC; what has no label is left alone.
    assert tuple(pixels[10, 5].tolist()) == (128, 0, 0)
    assert tuple(pixels[10, 50].tolist()) == (128, 128, 0)
    assert tuple(pixels[0, 50].tolist()) == (100, 100, 100)
    assert patches(image) == {1, 3}


def test_many_names_take_several_lines():
    mask = np.arange(1, 7, dtype=np.uint8).repeat(400).reshape(30, 80)
    labels = [f"class number {i}" for i in range(1, 7)]
    few = named_overlay(PICTURE, np.minimum(mask, 2), ("background", *labels))
    many = named_overlay(PICTURE, mask, ("background", *labels))
    assert (many.height - 30) > 2 * (few.height - 30)
    assert patches(many) == {1, 2, 3, 4, 5, 6}


def test_nothing_but_background_has_no_legend():
    image = named_overlay(PICTURE, np.zeros_like(MASK))
    assert np.asarray(image).tolist() == PICTURE.tolist()
