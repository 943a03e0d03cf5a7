"""The palette against the published table, and overlays by hand."""

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.segmentation import colorize, overlay, voc_palette

# Pascal VOC development kit: background, the 20 classes, the boundary.
VOC = {
    0: (0, 0, 0),
    1: (128, 0, 0),
    2: (0, 128, 0),
    3: (128, 128, 0),
    4: (0, 0, 128),
    5: (128, 0, 128),
    6: (0, 128, 128),
    7: (128, 128, 128),
    8: (64, 0, 0),
    9: (192, 0, 0),
    10: (64, 128, 0),
    11: (192, 128, 0),
    12: (64, 0, 128),
    13: (192, 0, 128),
    14: (64, 128, 128),
    15: (192, 128, 128),
    16: (0, 64, 0),
    17: (128, 64, 0),
    18: (0, 192, 0),
    19: (128, 192, 0),
    20: (0, 64, 128),
    255: (224, 224, 192),
}


def test_palette():
    palette = voc_palette()
    assert (palette.dtype, palette.shape) == (np.uint8, (256, 3))
    assert {i: tuple(palette[i].tolist()) for i in VOC} == VOC
    assert len(np.unique(palette, axis=0)) == 256


def test_colorize(tmp_path):
    mask = np.array([[0, 1, 20], [255, 8, 8]], np.uint8)
    image = colorize(mask)
    assert (image.mode, image.size) == ("P", (3, 2))
    expected = [[VOC[i] for i in row] for row in mask.tolist()]
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), expected)
    # A file that keeps the ids.
    image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as again:
        np.testing.assert_array_equal(np.asarray(again), mask)
        np.testing.assert_array_equal(
            np.asarray(again.convert("RGB")), expected
        )


def test_colorize_with_another_palette():
    palette = np.zeros((256, 3), int)
    palette[7] = (1, 2, 3)
    image = colorize(np.full((1, 1), 7, np.uint8), palette)
    assert image.convert("RGB").getpixel((0, 0)) == (1, 2, 3)


def test_overlay():
    picture = np.full((1, 4, 3), 100, np.uint8)
    mask = np.array([[0, 1, 15, 255]], np.uint8)
    found = np.asarray(overlay(picture, mask, opacity=0.75))
    # A quarter of 100, and three quarters of (128, 0, 0), (192, 128, 128).
    expected = [[100] * 3, [121, 25, 25], [169, 121, 121], [100] * 3]
    np.testing.assert_array_equal(found[0], expected)
    assert (picture == 100).all()


def test_overlay_hides_what_it_is_told():
    picture = Image.new("L", (2, 1), 100)
    mask = np.array([[0, 1]], np.uint8)
    image = overlay(picture, mask, opacity=1, hidden=(1,))
    assert image.mode == "RGB"
    assert np.asarray(image).tolist() == [[[0, 0, 0], [100, 100, 100]]]


@pytest.mark.parametrize(
    ("mask", "match"),
    [
        (
            np.zeros((2, 3), np.uint8),
            r"mask of \(2, 3\), a picture of \(3, 2\)",
        ),
        (np.zeros((3, 2), int), "uint8 array .*int64"),
        (np.zeros((3, 2, 1), np.uint8), r"\(3, 2, 1\)"),
    ],
)
def test_bad_masks(mask, match):
    with pytest.raises(ValueError, match=match):
        overlay(np.zeros((3, 2, 3), np.uint8), mask)


@pytest.mark.parametrize("opacity", [-0.1, 1.1])
def test_bad_opacity(opacity):
    picture, mask = np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8)
    with pytest.raises(ValueError, match=f"opacity={opacity}"):
        overlay(picture, mask, opacity=opacity)
