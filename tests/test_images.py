"""Single pictures, as they become the input of a model."""

import pathlib

import numpy as np
import pytest
from image_files import encode, gradient

from keras_mobilevit.images import load_image, random_crops

Image = pytest.importorskip("PIL.Image")


# === load_image ===


def test_an_image_of_the_right_size_is_not_touched():
    image = gradient(40, 56)
    found = load_image(encode(image), (40, 56))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_paths(tmp_path, kind):
    image = gradient(32, 32)
    path = tmp_path / "a.png"
    path.write_bytes(encode(image))
    np.testing.assert_array_equal(load_image(kind(path), (32, 32)), image)


@pytest.mark.parametrize("size", [(32, 48), (48, 32), (100, 30)])
@pytest.mark.parametrize("source", [(64, 96), (200, 50), (20, 20)])
@pytest.mark.parametrize("crop_pct", [1.0, 0.875])
def test_geometry(source, size, crop_pct):
    """Each pixel shows the place of the picture that it should.

    The crop is centred, keeps the aspect, and spans `crop_pct` of the
    side that is tighter.
    """
    found = load_image(encode(gradient(*source)), size, crop_pct)
    assert found.shape == (*size, 3)
    step = crop_pct * min(a / b for a, b in zip(source, size, strict=True))
    for axis, channel in ((1, 0), (0, 1)):
        at = np.arange(size[axis]) - (size[axis] - 1) / 2
        expected = (source[axis] - 1) / 2 + step * at
        # Filters flatten the edges; sizes and crops are whole pixels.
        inner = (expected > 2) & (expected < source[axis] - 3)
        line = found[..., channel].mean(axis=1 - axis)
        assert inner.sum() > 5
        tolerance = 0.6 + 1.1 * step
        assert abs(line - expected)[inner].max() <= tolerance
    assert (found[..., 2] == 77).all()


def test_crop_pct_of_the_paper():
    """Short side to 288, centre crop 256."""
    image = np.zeros((288, 400, 3), np.uint8)
    image[16:-16, 72:-72] = 255
    assert (load_image(encode(image), (256, 256), 256 / 288) == 255).all()
    wider = load_image(encode(image), (256, 256), 260 / 288)
    assert (wider[0] < 255).all() and (wider[:, -1] < 255).all()
    assert (wider[3:-3, 3:-3] == 255).all()


def test_resize_is_antialiased():
    """A checkerboard shrinks to grey, not to one of its colours."""
    image = np.zeros((256, 256, 3), np.uint8)
    image[0::2, 1::2] = image[1::2, 0::2] = 255
    found = load_image(encode(image), (32, 32)).astype(int)
    assert abs(found - 127.5).max() < 4


def checkerboard(height, width):
    image = np.zeros((height, width, 3), np.uint8)
    image[0::2, 1::2] = image[1::2, 0::2] = 255
    return image


def test_pre_resize_leaves_alone_what_already_has_it():
    """A picture of the native size is enlarged, as it would be anyhow."""
    rng = np.random.default_rng(0)
    image = encode(rng.integers(0, 256, (32, 48, 3), np.uint8))
    found = load_image(image, (96, 144), pre_resize=32)
    np.testing.assert_array_equal(found, load_image(image, (96, 144)))
    assert np.ptp(found) > 200


def test_pre_resize_smooths_an_enlarged_grid():
    """Blocks of 3x3 pixels become the straight line that they stand for.

    Reduced by 3, a block of a ramp keeps its value (7/9 of its own and 1/9 of
    each neighbour); enlarged again, pixel x shows place (x + 0.5) / 3 - 0.5.
    """
    ramp = np.repeat(8 * np.arange(32), 3).astype(np.uint8)
    image = np.broadcast_to(ramp[:, None], (96, 96, 3)).copy()
    expected = 8 * ((np.arange(96) + 0.5) / 3 - 0.5)
    found = load_image(encode(image), (96, 96), pre_resize=32)
    inner = found[:, 6:-6].astype(float)
    assert abs(inner - expected[6:-6, None]).max() <= 1
    untouched = load_image(encode(image), (96, 96))
    np.testing.assert_array_equal(untouched, image)


@pytest.mark.parametrize("pre_resize", [0, 32])
def test_finer_than_the_pre_resize_vanishes(pre_resize):
    """A quarter of the size: of each colour as much in every weighted sum."""
    image = encode(checkerboard(128, 128))
    found = load_image(image, (128, 128), pre_resize=pre_resize)
    if pre_resize:
        assert abs(found - 127.5).max() <= 1.5
    else:
        np.testing.assert_array_equal(found, checkerboard(128, 128))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("pre_resize", "swing"), [(16, 32), (8, 0)])
def test_pre_resize_is_that_of_the_shorter_side(turned, pre_resize, swing):
    """Stripes of two pixels, at half the size of one pixel, keep a quarter.

    Reduced by 2, a pixel has 3/4 of its own stripe and 1/4 of the next;
    enlarged by 2, the same once more: 1/2 * 1/2 of +-127.5. At a quarter of
    the size all stripes are gone.
    """
    stripes = np.zeros((32, 64, 3), np.uint8)
    stripes[:, 0::4] = stripes[:, 1::4] = 255
    if turned:
        stripes = stripes.transpose(1, 0, 2)
    size = stripes.shape[:2]
    found = load_image(encode(stripes), size, pre_resize=pre_resize)
    assert found.shape == stripes.shape
    found = found.transpose(1, 0, 2) if turned else found
    inner = found[:, 8:-8].astype(float) - 127.5
    assert abs(abs(inner) - swing).max() <= 1.5
    if swing:
        assert (inner[:, 0::4] > 0).all() and (inner[:, 2::4] < 0).all()


def test_pre_resize_and_crop_pct():
    """The middle half of a ramp, by way of 32 pixels a side."""
    image = encode(gradient(96, 96))
    found = load_image(image, (96, 96), 0.5, pre_resize=32).astype(float)
    expected = 24 + (np.arange(96) + 0.5) / 2 - 0.5
    inner = slice(3, -3)
    assert abs(found[..., 0] - expected)[:, inner].max() <= 1.1
    assert abs(found[..., 1].T - expected)[:, inner].max() <= 1.1
    assert (found[..., 2] == 77).all()


def test_pre_resize_of_another_aspect():
    """A tall picture for a wide input: all columns, and the middle rows.

    96 columns become 32 and then 64; 128 rows become 43, of which 16 are kept
    from the 13th on, and then 32.
    """
    image = encode(gradient(128, 96))
    found = load_image(image, (32, 64), pre_resize=16).astype(float)
    assert found.shape == (32, 64, 3)
    columns = (np.arange(64) + 0.5) * 96 / 64 - 0.5
    rows = ((np.arange(32) + 0.5) / 2 + 13) * 128 / 43 - 0.5
    assert abs(found[..., 0] - columns)[:, 4:-4].max() <= 1.1
    assert abs(found[..., 1].T - rows).max() <= 1.1


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_modes_become_rgb(mode):
    image = Image.fromarray(gradient(40, 40)).convert(mode)
    found = load_image(encode(image, "TIFF"), (40, 40))
    assert found.shape == (40, 40, 3) and found.dtype == np.uint8
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(found, expected)
    assert np.ptp(found) > 20


def test_grayscale_has_equal_channels():
    image = np.arange(1600, dtype=np.uint16).reshape(40, 40) // 7
    image = image.astype(np.uint8)
    found = load_image(encode(image), (40, 40))
    np.testing.assert_array_equal(found, np.stack([image] * 3, axis=-1))


def test_alpha_is_dropped():
    image = np.dstack([gradient(40, 40), np.arange(1600).reshape(40, 40) % 256])
    found = load_image(encode(image.astype(np.uint8)), (40, 40))
    np.testing.assert_array_equal(found, gradient(40, 40))


def test_palette_with_transparency():
    image = Image.fromarray(gradient(40, 40)).quantize(200)
    expected = np.asarray(image.convert("RGB"))
    data = encode(image, transparency=bytes(range(200)))
    np.testing.assert_array_equal(load_image(data, (40, 40)), expected)


def test_sixteen_bits():
    """The high byte counts."""
    image = np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40
    found = load_image(encode(image), (40, 40))[..., 0].astype(int)
    assert abs(found - image / 257).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (6, lambda x: np.rot90(x, -1)),
        (8, lambda x: np.rot90(x, 1)),
    ],
)
def test_exif_orientation(orientation, shown):
    image = gradient(40, 56)
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = shown(image)
    found = load_image(encode(image, exif=exif), expected.shape[:2])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        encode(gradient(40, 40))[:60],
        encode(gradient(40, 40), "JPEG")[:-200],
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG"],
)
def test_not_an_image(tmp_path, data):
    with pytest.raises(ValueError, match=f"Not a readable.*{len(data)} bytes"):
        load_image(data, (32, 32))
    (tmp_path / "bad.jpg").write_bytes(data)
    with pytest.raises(ValueError, match="Not a readable picture: .*bad.jpg"):
        load_image(tmp_path / "bad.jpg", (32, 32))


@pytest.mark.parametrize("shape", [(1, 20_000), (20_000, 1)])
def test_too_elongated(shape):
    """To cover 256 pixels, it would become 5 million pixels long."""
    image = np.full((*shape, 3), 9, np.uint8)
    with pytest.raises(ValueError, match="too elongated to cover 256x256"):
        load_image(encode(image), (256, 256))
    assert (load_image(encode(image), (32, 32)) == 9).all()


def test_missing_image(tmp_path):
    with pytest.raises(FileNotFoundError, match="no picture at .*none.png"):
        load_image(tmp_path / "none.png", (32, 32))


# === random_crops ===


def test_random_crops():
    image = gradient(60, 200)
    crops = random_crops(image, 30, (24, 40), seed=5)
    assert len(crops) == 30
    widths, centres = [], []
    for crop in crops:
        assert crop.shape == (24, 40, 3) and crop.dtype == np.uint8
        assert (crop[..., 2] == 77).all()
        red = crop[..., 0].astype(float).mean(axis=0)
        green = crop[..., 1].astype(float).mean(axis=1)
        # Columns count up: nothing is mirrored. 40 pixels span the side.
        width = (red[30] - red[10]) * 40 / 20
        height = (green[18] - green[6]) * 24 / 12
        assert width == pytest.approx(height, abs=3)
        widths.append(width)
        centres.append(red.mean())
    assert min(widths) >= 0.5 * 60 - 3 and max(widths) <= 60 + 3
    assert max(widths) - min(widths) > 15
    assert max(centres) - min(centres) > 80


def test_random_crops_follow_the_seed():
    image = gradient(60, 80)
    first, same, other = (
        np.stack(random_crops(image, 4, (16, 16), seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert (first[0] != first[1]).any()


def test_random_crops_of_a_pre_resize_lose_what_is_finer():
    """Pieces of 128 to 256 pixels, by way of 16: squares of 4 are gone."""
    image = checkerboard(64, 64).repeat(4, axis=0).repeat(4, axis=1)
    coarse = random_crops(image, 5, (256, 280), seed=2, pre_resize=16)
    for crop in coarse:
        assert crop.shape == (256, 280, 3) and crop.dtype == np.uint8
        assert abs(crop - 127.5).max() <= 4
    fine = random_crops(image, 5, (256, 280), seed=2)
    assert min(np.ptp(crop) for crop in fine) > 100


def test_random_crops_of_a_pre_resize_are_the_same_pieces():
    image = gradient(200, 200)
    plain = random_crops(image, 5, (64, 64), seed=3)
    coarse = random_crops(image, 5, (64, 64), seed=3, pre_resize=32)
    for one, other in zip(plain, coarse, strict=True):
        difference = one.astype(float) - other
        assert abs(difference[4:-4, 4:-4]).max() <= 1.5
    assert any((a != b).any() for a, b in zip(plain, coarse, strict=True))
