"""Crops and flips that take picture and mask along."""

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.segmentation.augmentation import augment


def gradient(height, width):
    """Red counts columns, green rows; the mask counts columns too."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    mask = pixels[..., 0]
    return Image.fromarray(pixels), Image.fromarray(mask)


def draw(seed, image, mask, size, **options):
    return augment(image, mask, size, np.random.default_rng(seed), **options)


def test_without_a_crop_the_whole_picture_is_resized():
    image, mask = gradient(40, 60)
    pixels, ids = draw(
        0, image, mask, (40, 60), short_side=None, flip_chance=0.0
    )
    np.testing.assert_array_equal(pixels, image)
    np.testing.assert_array_equal(ids, mask)
    pixels, ids = draw(
        0, image, mask, (20, 30), short_side=None, flip_chance=1.0
    )
    assert pixels.shape == (20, 30, 3) and ids.shape == (20, 30)
    # Of two columns the one right of the middle, from the last to the first.
    np.testing.assert_array_equal(ids[0], np.arange(59, 0, -2))


@pytest.mark.parametrize("flip_chance", [0.0, 1.0])
def test_picture_and_mask_stay_together(flip_chance):
    for seed in range(20):
        pixels, ids = draw(
            seed, *gradient(96, 128), (64, 48), flip_chance=flip_chance
        )
        assert pixels.dtype == ids.dtype == np.uint8
        away = abs(pixels[..., 0].astype(int) - ids)
        assert away.max() <= 1
        step = np.diff(pixels[..., 0].astype(int), axis=1)
        assert (step <= 0).all() if flip_chance else (step >= 0).all()


@pytest.mark.parametrize(
    ("share", "extent"),
    # A short side of 100 becomes 50, 100 or 200; the crop has 50.
    [(1.0, 100), (2.0, 50), (4.0, 25), (0.1, 100)],
)
def test_the_short_side_decides_how_much_is_seen(share, extent):
    """Also that what is smaller than the crop is enlarged to it."""
    for seed in range(5):
        pixels, _ = draw(
            seed, *gradient(100, 200), (50, 50), short_side=(share, share)
        )
        for channel in (0, 1):
            seen = np.ptp(pixels[..., channel].astype(int))
            assert extent - 5 <= seen <= extent


def test_every_place_is_drawn():
    """The middle of a crop half as wide lies in the middle half."""
    middles = [
        draw(seed, *gradient(50, 200), (50, 100), short_side=(1, 1))[0][25, 50]
        for seed in range(200)
    ]
    columns = np.array(middles)[:, 0].astype(float)
    assert 49 <= columns.min() < 60 and 140 < columns.max() <= 151
    assert abs(columns.mean() - 100) < 8


def test_the_same_draws_give_the_same_crop():
    first, second = (draw(3, *gradient(90, 70), (32, 32)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    other, _ = draw(4, *gradient(90, 70), (32, 32))
    assert (other != first[0]).any()


def test_a_picture_of_one_pixel():
    pixels, ids = draw(0, *gradient(1, 1), (32, 48))
    assert pixels.shape == (32, 48, 3) and (ids == 0).all()
