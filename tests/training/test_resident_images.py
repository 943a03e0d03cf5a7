"""Images made on the device, against those that Pillow makes."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training import augmentation as single_images
from keras_mobilevit.training.augmentation import transform
from keras_mobilevit.training.resident.classifier import ResidentPictures
from keras_mobilevit.training.resident.resampling import (
    apply_weights,
    filter_weights,
)
from keras_mobilevit.training.resident.store import load_pictures
from keras_mobilevit.training.resident.transform import ResidentTransform
from keras_mobilevit.training.sections import Augmentation
from keras_mobilevit.training.sources import open_source

PLENTY = 2**30


def make_photo(rng, height, width):
    """Smooth colours with edges in them, as photos have."""
    coarse = rng.integers(0, 256, (5, 7, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    pixels = np.array(smooth)
    pixels[height // 3 :, width // 2 :] //= 2
    return pixels


def make_source(count, sides=(40, 90), seed=0):
    rng = np.random.default_rng(seed)
    shapes = rng.integers(*sides, (count, 2)).tolist()
    return open_source(
        [(make_photo(rng, *shape), i % 3) for i, shape in enumerate(shapes)]
    )


def tensor(values):
    return keras.ops.convert_to_tensor(np.array(values, "float32"))


def weights(starts, scales, counts, lengths, extents):
    """Weights of one image along both axes."""
    return [
        filter_weights(
            tensor([start + (np.arange(count) + 0.5) * scale]),
            tensor([scale]),
            tensor([length]),
            extent,
        )
        for start, scale, count, length, extent in zip(
            starts, scales, counts, lengths, extents, strict=True
        )
    ]


# === The filter ===


def filter_one_axis(pixels, count):
    image = np.array(pixels, np.uint8)[None, None, :, None] + np.zeros(
        (1, 1, 1, 3), np.uint8
    )
    length = len(pixels)
    made = apply_weights(
        image,
        *weights((0, 0), (1, length / count), (1, count), *[(1, length)] * 2),
    )
    return keras.ops.convert_to_numpy(made)[0, 0, :, 0].tolist()


def test_enlarging_by_hand():
    """Middles at 0.25, 0.75, 1.25 and 1.75, of pixels at 0.5 and 1.5."""
    assert filter_one_axis([0, 100], 4) == [0, 25, 75, 100]


def test_reducing_by_hand():
    """Weights 3, 3 and 1 of 7: a triangle as wide as two new pixels."""
    assert filter_one_axis([0, 0, 70, 210], 2) == [10, 120]


def test_halves_are_rounded_up():
    """As Pillow does; 0.5 and 2.5 are not both even."""
    assert filter_one_axis([0, 2, 3], 3) == [0, 2, 3]
    assert filter_one_axis([1, 3], 4) == [1, 2, 3, 3]


@pytest.mark.parametrize(
    ("shape", "box", "size"),
    [
        ((32, 32), (0, 0, 32, 32), (96, 96)),
        ((100, 150), (10, 20, 100, 90), (96, 80)),
        ((300, 400), (30, 20, 330, 290), (48, 96)),
        ((300, 400), (3, 2, 50, 70), (128, 128)),
        ((33, 47), (0, 0, 47, 33), (33, 47)),
        ((9, 200), (50, 0, 190, 9), (32, 32)),
    ],
)
def test_any_box_is_resized_as_pillow_does(shape, box, size):
    """In a place that is larger than the picture, and full of noise.

    Where many sums end in half a byte, Pillow rounds them to either side.
    """
    rng = np.random.default_rng(0)
    extent = (shape[0] + 7, shape[1] + 13)
    place = rng.integers(0, 256, (1, *extent, 3), np.uint8)
    picture = make_photo(rng, *shape)
    place[0, : shape[0], : shape[1]] = picture
    expected = Image.fromarray(picture).resize(
        size[::-1], Image.Resampling.BILINEAR, box
    )
    left, top, right, bottom = box
    scales = ((bottom - top) / size[0], (right - left) / size[1])
    made = apply_weights(
        place, *weights((top, left), scales, size, shape, extent)
    )
    difference = np.abs(keras.ops.convert_to_numpy(made)[0] - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.08


# === Whole images ===


def make_both(source, augmentation, spec, size, side=0):
    """Images of the device, and those of `transform`, of the same seeds."""
    transformation = ResidentTransform(augmentation, spec, side)
    store = load_pictures(source, transformation.keep, max_bytes=PLENTY)
    samplings, expected = [], []
    for index in range(len(source)):
        sampling = transformation.sample(
            tuple(store.shapes[index].tolist()),
            tuple(store.kept[index].tolist()),
            store.pictures.shape[1:3],
            size,
            np.random.default_rng((7, index)),
        )
        samplings.append({**sampling, "index": np.int32(index)})
        expected.append(
            transform(
                source.open(index),
                size,
                augmentation,
                spec,
                np.random.default_rng((7, index)),
            )
        )
    batch = {
        name: np.stack([sampling[name] for sampling in samplings])
        for name in samplings[0]
    }
    images = ResidentPictures(store.pictures)(batch)
    return keras.ops.convert_to_numpy(images), np.stack(expected), batch


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(),
        Augmentation("padded", padding=4, flip=1.0),
        Augmentation("none"),
    ],
    ids=lambda augmentation: augmentation.crop,
)
@pytest.mark.parametrize("pre_resize", [0, 32])
@pytest.mark.parametrize("size", [(32, 32), (48, 48)])
def test_images_are_those_of_the_other_path(augmentation, pre_resize, size):
    """But for rounding, twice where an image is resized twice.

    From 32 to 48 pixels a third of all sums end in half a byte, which Pillow's
    whole numbers round to either side.
    """
    spec = ImageSpec(size=size, crop_pct=0.875, pre_resize=pre_resize)
    made, expected, _ = make_both(make_source(12), augmentation, spec, size)
    assert made.shape == expected.shape and made.dtype == np.float32
    difference = np.abs(made - expected)
    assert difference.max() <= 2
    assert difference.mean() < (0.2 if pre_resize and size[0] == 48 else 0.04)


def test_blue_comes_first_where_the_model_takes_it_so():
    spec = ImageSpec(size=(48, 48), channel_order="bgr")
    made, expected, _ = make_both(
        make_source(6), Augmentation(), spec, (48, 48)
    )
    assert np.abs(made - expected[..., ::-1]).max() <= 2


def test_both_paths_have_the_same_distribution(monkeypatch):
    """Means and deviations of the channels, and the scales of the crops."""
    areas = []
    draw = single_images.random_box

    def random_box(size, *args):
        left, top, right, bottom = draw(size, *args)
        areas.append((right - left) * (bottom - top) / (size[0] * size[1]))
        return left, top, right, bottom

    monkeypatch.setattr(single_images, "random_box", random_box)
    made, expected, batch = make_both(
        make_source(300), Augmentation(), ImageSpec(size=(48, 48)), (48, 48)
    )
    np.testing.assert_allclose(
        made.mean((0, 1, 2)), expected.mean((0, 1, 2)), atol=0.05
    )
    np.testing.assert_allclose(
        made.std((0, 1, 2)), expected.std((0, 1, 2)), atol=0.05
    )
    found = batch["scale"].prod(1) * 48 * 48 / batch["length"].prod(1)
    np.testing.assert_allclose(found, areas, rtol=1e-5)
    # Not at round shares, which some crops have.
    bins = np.linspace(0, 1, 11) + 1e-4
    histogram, _ = np.histogram(found, bins)
    np.testing.assert_array_equal(histogram, np.histogram(areas, bins)[0])
    assert histogram.sum() == 300 and (histogram[:6] > 0).all()


def test_reduced_pictures_have_the_same_crops():
    """Three quarters of the pixels a side; what differs is the sharpness."""
    source = make_source(6, sides=(128, 129))
    spec = ImageSpec(size=(48, 48))
    made, expected, batch = make_both(
        source, Augmentation(), spec, (48, 48), side=96
    )
    assert (batch["length"] == 96).all()
    difference = np.abs(made - expected)
    assert difference.max() > 2 and difference.mean() < 2.5


@pytest.mark.parametrize(
    ("shape", "side", "kept"),
    [
        ((100, 150), 0, (100, 150)),
        ((100, 150), 100, (100, 150)),
        ((100, 150), 200, (100, 150)),
        ((100, 150), 50, (50, 75)),
        ((150, 100), 50, (75, 50)),
        # Longer than twice the side: 100 of 1,000 pixels.
        ((100, 1000), 50, (10, 100)),
        ((1, 1000), 50, (1, 100)),
    ],
)
def test_what_is_kept_of_a_large_picture(shape, side, kept):
    transformation = ResidentTransform(Augmentation(), ImageSpec(), side)
    image = Image.new("RGB", shape[::-1])
    assert transformation.keep(image).shape == (*kept, 3)


def test_a_picture_too_elongated_to_cover_anything():
    transformation = ResidentTransform(Augmentation("none"), ImageSpec())
    with pytest.raises(ValueError, match="too elongated"):
        transformation.sample(
            (1, 60_000), (1, 60_000), (1, 60_000), (256, 256), None
        )
