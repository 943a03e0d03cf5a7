"""Augmentation: every pixel comes from where the draws say."""

import keras
import numpy as np
import pytest
from image_files import encode, gradient
from PIL import Image

from keras_mobilevit.images import load_image
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.augmentation import random_box, transform
from keras_mobilevit.training.mixing import transform_batch
from keras_mobilevit.training.recipe import Augmentation

WHOLE = ImageSpec()
SPECS = [
    ImageSpec(crop_pct=256 / 288),
    ImageSpec(crop_pct=0.9, pre_resize=16),
]


class Draws:
    """Stands in for a generator: gives what it is told to, in order."""

    def __init__(self, *values):
        self.values = list(values)

    def draw(self, *args, **kwargs):
        return self.values.pop(0)

    uniform = integers = random = draw


def transformed(image, size, rng, spec=WHOLE, **fields):
    fields = {"flip": 0.0, **fields}
    found = transform(
        Image.fromarray(image), size, Augmentation(**fields), spec, rng
    )
    assert found.dtype == np.uint8 and found.shape == (*size, 3)
    return found


# === Random resized crops ===

# A fifth of 64x100 pixels, 1.25 times as wide as high, is 32x40 pixels.
PART = (0.2, np.log(1.25), 8, 20)


def test_the_part_that_the_draws_say():
    box = random_box((100, 64), (0.08, 1), (3 / 4, 4 / 3), Draws(*PART))
    assert box == (20, 8, 60, 40)


def test_a_part_of_the_right_size_is_cut_out():
    image = gradient(64, 100)
    found = transformed(image, (32, 40), Draws(*PART, 0.5))
    np.testing.assert_array_equal(found, image[8:40, 20:60])


@pytest.mark.parametrize("factor", [2, 1.5, 0.5, 0.25])
def test_a_part_is_scaled(factor):
    """Pixel i of the result is centred on pixel (i + 0.5) / factor - 0.5."""
    size = (round(32 * factor), round(40 * factor))
    found = transformed(gradient(64, 100), size, Draws(*PART, 0.5))
    columns = 20 + (np.arange(size[1]) + 0.5) / factor - 0.5
    rows = 8 + (np.arange(size[0]) + 0.5) / factor - 0.5
    # The filter reaches 1 / factor pixels, and ends at the edges of the part.
    edge = 2
    inner = found[edge:-edge, edge:-edge].astype(float)
    assert abs(inner[..., 0] - columns[edge:-edge]).max() <= 1
    assert abs(inner[..., 1] - rows[edge:-edge, None]).max() <= 1
    assert (found[..., 2] == 77).all()
    # Nothing but the part.
    assert found[..., 0].min() >= 20 and found[..., 0].max() < 60
    assert found[..., 1].min() >= 8 and found[..., 1].max() < 40


def test_parts_that_stick_out_are_drawn_again():
    """All of the area at an aspect of 2 is wider than the image."""
    draws = Draws(1.0, np.log(2), *PART)
    box = random_box((100, 64), (0.08, 1), (1 / 2, 2), draws)
    assert box == (20, 8, 60, 40)
    assert draws.values == []


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),
    [
        # 20 * 4/3 rounds to 27, and (100 - 27) // 2 is 36.
        ((100, 20), (3 / 4, 4 / 3), (36, 0, 63, 20)),
        ((20, 100), (3 / 4, 4 / 3), (0, 36, 20, 63)),
        ((20_000, 1), (3 / 4, 4 / 3), (9999, 0, 10_000, 1)),
        ((1, 1), (3 / 4, 4 / 3), (0, 0, 1, 1)),
        # 100 / 1.2 rounds to 83; of a permitted aspect, all is kept.
        ((100, 100), (1.2, 1.3), (0, 8, 100, 91)),
        ((100, 80), (1.2, 1.3), (0, 0, 100, 80)),
        ((100, 50), (0.4, 0.5), (37, 0, 62, 50)),
    ],
)
def test_what_never_fits_becomes_the_centre(size, ratio, expected):
    """As twice the area of the image does not."""
    rng = np.random.default_rng(0)
    assert random_box(size, (2, 2), ratio, rng) == expected


def quartiles(values):
    return np.quantile(values, [0, 0.25, 0.5, 0.75, 1])


def test_distribution_of_the_parts():
    """Uniform in area, in the logarithm of the aspect, and in place."""
    rng = np.random.default_rng(0)
    boxes = [
        random_box((1000, 1000), (0.1, 0.5), (1 / 2, 2), rng)
        for _ in range(4000)
    ]
    left, top, right, bottom = np.transpose(boxes)
    width, height = right - left, bottom - top
    area = quartiles(width * height / 1e6)
    np.testing.assert_allclose(area, [0.1, 0.2, 0.3, 0.4, 0.5], atol=0.01)
    aspect = quartiles(np.log2(width / height))
    np.testing.assert_allclose(aspect, [-1, -0.5, 0, 0.5, 1], atol=0.05)
    for start, length in ((left, width), (top, height)):
        place = quartiles(start / (1000 - length))
        np.testing.assert_allclose(place, [0, 0.25, 0.5, 0.75, 1], atol=0.03)


def test_every_place_is_drawn():
    """One of four pixels, also those at the far edges."""
    rng = np.random.default_rng(0)
    boxes = [random_box((2, 2), (0.25, 0.25), (1, 1), rng) for _ in range(400)]
    boxes, counts = np.unique(boxes, axis=0, return_counts=True)
    expected = [[0, 0, 1, 1], [0, 1, 1, 2], [1, 0, 2, 1], [1, 1, 2, 2]]
    np.testing.assert_array_equal(boxes, expected)
    # 3.5 standard deviations of a binomial distribution.
    assert abs(counts - 100).max() <= 3.5 * np.sqrt(400 * 1 / 4 * 3 / 4)


def checkerboard(height, width):
    image = np.zeros((height, width, 3), np.uint8)
    image[0::2, 1::2] = image[1::2, 0::2] = 255
    return image


@pytest.mark.parametrize("pre_resize", [0, 32])
def test_parts_go_through_the_pre_resize(pre_resize):
    """Finer than that, there is but the mean."""
    spec = ImageSpec(pre_resize=pre_resize)
    draws = Draws(1.0, 0.0, 0, 0, 0.5)
    image = checkerboard(128, 128)
    found = transformed(image, (128, 128), draws, spec)
    if pre_resize:
        assert abs(found - 127.5).max() <= 1.5
    else:
        np.testing.assert_array_equal(found, image)


# === Shifts ===


@pytest.mark.parametrize("shape", [(8, 11), (5, 2), (1, 6), (1, 1)])
@pytest.mark.parametrize("padding", [1, 4])
def test_shifts_of_all_directions(shape, padding):
    """Those of a picture that NumPy has padded."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*shape, 3), np.uint8)
    padded = np.pad(image, [(padding,) * 2] * 2 + [(0, 0)], mode="reflect")
    for top in range(-padding, padding + 1):
        for left in range(-padding, padding + 1):
            found = transformed(
                image,
                shape,
                Draws(top, left, 0.5),
                crop="padded",
                padding=padding,
            )
            y, x = top + padding, left + padding
            expected = padded[y : y + shape[0], x : x + shape[1]]
            np.testing.assert_array_equal(found, expected)


def test_every_shift_is_drawn():
    """Up to the padding, to either side."""
    image = gradient(32, 32)
    corners = set()
    for seed in range(300):
        rng = np.random.default_rng(seed)
        found = transformed(image, (32, 32), rng, crop="padded", padding=2)
        # Two rows from the edge, nothing is mirrored.
        corners.add(tuple(found[2, 2, :2].tolist()))
    assert corners == {(x, y) for x in range(5) for y in range(5)}


def test_shifted_and_enlarged():
    """Two columns to the right and one row up, then twice as large."""
    found = transformed(
        gradient(32, 32),
        (64, 64),
        Draws(-1, 2, 0.5),
        crop="padded",
        padding=3,
    )
    at = (np.arange(64) + 0.5) / 2 - 0.5
    inner = found[4:-6, 4:-6].astype(float)
    assert abs(inner[..., 0] - (at + 2)[4:-6]).max() <= 0.51
    assert abs(inner[..., 1] - (at - 1)[4:-6, None]).max() <= 0.51


def test_shifts_are_pixels_of_the_pre_resize():
    """60 of the middle columns of 100 become 30; one pixel is two columns."""
    spec = ImageSpec(pre_resize=30)
    found = transformed(
        gradient(60, 100),
        (60, 60),
        Draws(0, 1, 0.5),
        spec,
        crop="padded",
        padding=3,
    )
    inner = slice(5, -5)
    columns = 20 + np.arange(60) + 2
    assert abs(found[..., 0].astype(int) - columns)[:, inner].max() <= 1
    rows = np.arange(60)[:, None]
    assert abs(found[..., 1].astype(int) - rows)[inner].max() <= 1


# === No crop, and flips ===


@pytest.mark.parametrize("shape", [(64, 96), (50, 31), (1, 1)])
@pytest.mark.parametrize("spec", SPECS)
def test_no_crop_is_the_preprocessing_of_test_images(shape, spec):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    rng = np.random.default_rng(1)
    found = transformed(image, (40, 32), rng, spec, crop="none")
    expected = load_image(
        encode(image),
        (40, 32),
        spec.crop_pct,
        spec.pre_resize,
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("flip", "flips"), [(0.0, 0), (1.0, 200)])
def test_flips_never_or_always(flip, flips):
    image = gradient(4, 6)
    count = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = transformed(image, (4, 6), rng, crop="none", flip=flip)
        flipped = found[0, 0, 0] == 5
        np.testing.assert_array_equal(
            found, image[:, ::-1] if flipped else image
        )
        count += flipped
    assert count == flips


def test_flips_of_a_quarter():
    image = gradient(1, 2)
    count = 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        found = transformed(image, (1, 2), rng, crop="none", flip=0.25)
        count += int(found[0, 0, 0])
    # 3.5 standard deviations.
    assert abs(count - 250) <= 3.5 * np.sqrt(1000 * 1 / 4 * 3 / 4)


@pytest.mark.parametrize("crop", ["random_resized", "padded", "none"])
def test_one_pixel(crop):
    image = np.full((1, 1, 3), 9, np.uint8)
    rng = np.random.default_rng(0)
    padding = 4 if crop == "padded" else 0
    found = transformed(image, (32, 40), rng, crop=crop, padding=padding)
    assert (found == 9).all()


@pytest.mark.parametrize("crop", ["padded", "none"])
def test_a_thread_of_20000_pixels(crop):
    """To cover 256 pixels, it would become 5 million pixels long."""
    rng = np.random.default_rng(0)
    padding = 4 if crop == "padded" else 0
    for shape in ((1, 20_000), (20_000, 1)):
        image = np.zeros((*shape, 3), np.uint8)
        with pytest.raises(ValueError, match="0*1* pixels is too elongated"):
            transformed(image, (256, 256), rng, crop=crop, padding=padding)


# === Batches ===

COUNT, CLASSES = 24, 24


def greys(height=20, width=12):
    """Image i is all of 10 * i, and of class i."""
    values = 10 * np.arange(COUNT, dtype=np.float32)
    images = np.ones((COUNT, height, width, 3), np.float32)
    images *= values[:, None, None, None]
    return images, np.eye(COUNT, CLASSES, dtype=np.float32), values


def batch_of(augmentation, seed=0, **shape):
    images, targets, values = greys(**shape)
    found = transform_batch(images, targets, augmentation, seed)
    for new, old in zip(found, (images, targets), strict=True):
        assert isinstance(new, np.ndarray)
        assert new.dtype == np.float32 and new.shape == old.shape
    assert found[0].min() >= 0 and found[0].max() <= 255
    np.testing.assert_allclose(found[1].sum(axis=1), 1, rtol=1e-6)
    return *found, values


def test_nothing_is_done_where_all_is_off():
    images, targets, _ = greys()
    found = transform_batch(images, targets, Augmentation(), 0)
    assert found[0] is images and found[1] is targets


def test_mixup_mixes_images_as_it_mixes_targets():
    images, targets, values = batch_of(Augmentation(mixup=1.0))
    expected = np.broadcast_to(targets @ values, (20, 12, 3, COUNT))
    np.testing.assert_allclose(
        images, expected.transpose(3, 0, 1, 2), rtol=1e-5
    )
    weights = targets[np.arange(COUNT), np.arange(COUNT)]
    assert len(set(weights.tolist())) > COUNT / 2
    assert weights.min() < 0.3 and weights.max() > 0.7


def test_alpha_of_mixup():
    """Of the beta distribution, whose variance is 1 / (4 (2 alpha + 1))."""
    for alpha in (0.2, 1.0):
        weights = []
        for seed in range(25):
            _, targets, _ = batch_of(
                Augmentation(mixup=alpha), seed, height=1, width=1
            )
            diagonal = targets[np.arange(COUNT), np.arange(COUNT)]
            # An image that was mixed with itself tells nothing.
            weights += [w for w in diagonal.tolist() if w < 1]
        expected = 1 / (4 * (2 * alpha + 1))
        assert np.mean(np.square(np.array(weights) - 0.5)) == pytest.approx(
            expected, rel=0.15
        )


def test_cutmix_pastes_a_rectangle_of_its_share():
    images, targets, values = batch_of(Augmentation(cutmix=True))
    pasted = images[..., 0] != values[:, None, None]
    assert (images == images[..., :1]).all()
    for index, mask in enumerate(pasted):
        rows, columns = mask.any(axis=1), mask.any(axis=0)
        np.testing.assert_array_equal(mask, np.outer(rows, columns))
        # The rectangle is of whole pixels, the share is not.
        assert np.mean(mask) == pytest.approx(
            1 - targets[index, index], abs=1 / 20 + 1 / 12
        )
        if mask.any():
            other = np.flatnonzero(targets[index] * (values != values[index]))
            assert (images[index][mask] == values[other]).all()
    assert pasted.any(axis=(1, 2)).sum() > COUNT / 2


def test_of_mixup_and_cutmix_a_batch_gets_one():
    both = Augmentation(mixup=1.0, cutmix=True)
    mixed = 0
    for seed in range(40):
        images, _, _ = batch_of(both, seed, height=3, width=4)
        mixed += (images == images[:, :1, :1]).all()
    # 3.5 standard deviations.
    assert abs(mixed - 20) <= 3.5 * np.sqrt(40 / 4)


def test_erasing_is_per_image():
    images, targets, values = batch_of(Augmentation(erasing=1.0))
    np.testing.assert_array_equal(targets, np.eye(COUNT))
    masks = (images != values[:, None, None, None]).any(axis=-1)
    boxes = set()
    for mask in masks[1:]:  # Noise below 0 is 0, as is the first image.
        rows, columns = (np.flatnonzero(mask.any(axis=a)) for a in (1, 0))
        box = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        boxes.add(box)
        # Sides of up to the square root of a third, and a pixel.
        assert box[1] - box[0] <= np.sqrt(0.33) * 20 + 1
        assert box[3] - box[2] <= np.sqrt(0.33) * 12 + 1
    assert len(boxes) > COUNT / 2


def test_probability_of_erasing():
    erased = 0
    for seed in range(20):
        images, _, values = batch_of(Augmentation(erasing=0.25), seed)
        changed = images != values[:, None, None, None]
        erased += changed[1:].any(axis=(1, 2, 3)).sum()
    count = 20 * (COUNT - 1)
    # 3.5 standard deviations.
    assert abs(erased - count / 4) <= 3.5 * np.sqrt(count * 1 / 4 * 3 / 4)


def test_rand_augment():
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (3, 16, 12, 3)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)
    augmentation = Augmentation(rand_augment=2)
    found, found_targets = transform_batch(images, targets, augmentation, 0)
    assert found.shape == images.shape and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 255
    assert (found != images).any()
    np.testing.assert_array_equal(found_targets, targets)


ALL = Augmentation(rand_augment=1, erasing=0.5, mixup=0.5, cutmix=True)


def test_the_seed_decides():
    images, targets, _ = greys()
    once = transform_batch(images, targets, ALL, (1, 2, 3))
    again = transform_batch(images, targets, ALL, (1, 2, 3))
    other = transform_batch(images, targets, ALL, (1, 2, 4))
    for a, b, c in zip(once, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def test_settings_of_keras_change_nothing():
    augmentation = Augmentation(erasing=0.5, mixup=0.5)
    expected = batch_of(augmentation)
    policy = keras.config.dtype_policy()
    data_format = keras.config.image_data_format()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        keras.config.set_image_data_format("channels_first")
        found = batch_of(augmentation)
    finally:
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(data_format)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
