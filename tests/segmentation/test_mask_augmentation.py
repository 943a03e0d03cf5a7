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


def test_without_a_crop_the_whole_image_is_resized():
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


@pytest.mark.parametrize(
    # Of 96 rows become 24 where both are made small first: a pixel of the mask
    # stands for four, and the nearest is two away.
    ("short_side", "farthest"),
    [((4 / 3, 2.0), 1), ((0.5, 0.5), 3)],
)
@pytest.mark.parametrize("flip_chance", [0.0, 1.0])
def test_image_and_mask_stay_together(flip_chance, short_side, farthest):
    for seed in range(20):
        pixels, ids = draw(
            *(seed, *gradient(96, 128), (64, 48)),
            short_side=short_side,
            flip_chance=flip_chance,
        )
        assert pixels.dtype == ids.dtype == np.uint8
        away = abs(pixels[..., 0].astype(int) - ids)
        assert away.max() <= farthest
        step = np.diff(pixels[..., 0].astype(int), axis=1)
        assert (step <= 0).all() if flip_chance else (step >= 0).all()


@pytest.mark.parametrize(
    ("share", "least", "most"),
    # A short side of 100 becomes 50, 100 or 200; the crop has 50. Or it becomes
    # 5, whose centres are 80 apart, before it becomes 50.
    [(1.0, 95, 100), (2.0, 45, 50), (4.0, 20, 25), (0.1, 75, 100)],
)
def test_the_short_side_decides_how_much_is_seen(share, least, most):
    """Also that what is smaller than the crop is enlarged to it."""
    for seed in range(5):
        pixels, _ = draw(
            seed, *gradient(100, 200), (50, 50), short_side=(share, share)
        )
        for channel in (0, 1):
            seen = np.ptp(pixels[..., channel].astype(int))
            assert least <= seen <= most


def stripes(side):
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:, 1::2] = 200
    return Image.fromarray(pixels), Image.fromarray(pixels[..., 0] // 200)


def test_what_is_made_small_and_enlarged_again_is_blurred():
    """By the authors in two steps; in one, the stripes would stay."""
    pixels, ids = draw(0, *stripes(64), (64, 64), short_side=(0.5, 0.5))
    # At the edges, one stripe more or less is within reach of the filter.
    np.testing.assert_allclose(pixels[:, 4:-4], 100, atol=5)
    assert np.ptp(ids) == 0
    pixels, ids = draw(0, *stripes(64), (64, 64), short_side=(1, 1))
    np.testing.assert_array_equal(np.unique(pixels), [0, 200])
    assert 0 < ids.mean() < 1


def test_a_third_of_the_short_sides_is_blurred():
    """512 - 256 of 1024 - 256, and one step where nothing is enlarged."""
    blurred = 0
    for seed in range(300):
        pixels, _ = draw(seed, *stripes(64), (64, 64))
        # At the full size and above the stripes keep their contrast.
        blurred += np.ptp(pixels[32, :, 0].astype(int)) < 150
    assert 0.25 < blurred / 300 < 0.42


def test_crops_begin_at_whole_pixels_of_the_resized_image():
    image, mask = gradient(40, 200)
    for seed in range(10):
        pixels, ids = draw(
            *(seed, image, mask, (40, 40)), short_side=(1, 1), flip_chance=0.0
        )
        left = int(ids[0, 0])
        part = np.s_[:, left : left + 40]
        np.testing.assert_array_equal(pixels, np.asarray(image)[part])
        np.testing.assert_array_equal(ids, np.asarray(mask)[part])


def test_too_elongated():
    image, mask = gradient(1, 60_000)
    with pytest.raises(ValueError, match="60000x1 pixels is too elongated"):
        draw(0, image, mask, (512, 512), short_side=(0.5, 0.5))


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


def test_an_image_of_one_pixel():
    pixels, ids = draw(0, *gradient(1, 1), (32, 48))
    assert pixels.shape == (32, 48, 3) and (ids == 0).all()
