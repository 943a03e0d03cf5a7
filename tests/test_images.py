"""Pictures from files, and files that are complete or not there."""

import io
import pathlib
import tarfile
from collections import Counter

import numpy as np
import pytest
from image_files import encode, gradient, write_folder, write_tar

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.images import (
    LabelledFile,
    iterate_files,
    list_files,
    load_image,
    load_readable,
    random_crops,
    take_evenly,
)

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


# === iterate_files ===

FILES = {
    "b/2.png": b"three",
    "a/10.JPG": b"one",
    "a/9.jpeg": b"two",
    "a/notes.txt": b"no picture",
    "deep/c/x.webp": b"four",
    "top.bmp": b"five",
}
EXPECTED = [
    LabelledFile("a/10.JPG", "a", b"one"),
    LabelledFile("a/9.jpeg", "a", b"two"),
    LabelledFile("b/2.png", "b", b"three"),
    LabelledFile("deep/c/x.webp", "c", b"four"),
    LabelledFile("top.bmp", "", b"five"),
]


@pytest.fixture(params=["folder", "a.tar", "a.tar.gz"])
def write(request, tmp_path):
    """Writes files to a folder or a tar, and returns its path."""
    path = tmp_path / request.param
    if request.param == "folder":
        return lambda files: write_folder(path, files)
    mode = "w:gz" if path.suffix == ".gz" else "w"
    return lambda files: write_tar(path, files, mode)


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_iterate_files(write, kind):
    source = kind(write(FILES))
    assert list(iterate_files(source)) == EXPECTED
    assert list_files(source) == [file.name for file in EXPECTED]


@pytest.mark.parametrize(
    ("count", "limit"),
    [(1, 1), (10, 6), (10, 9), (10, 10), (3, 7), (10_000, 6000), (5000, 37)],
)
def test_what_is_kept_of_many_is_spread_over_all(count, limit):
    """No two stretches of neighbours differ by more than one kept item."""
    found = list(take_evenly(range(count), limit))
    assert len(found) == min(count, limit)
    kept = np.isin(np.arange(count), found)
    assert kept.sum() == len(found) and found == sorted(found)
    window = max(count // 10, 1)
    shares = np.convolve(kept, np.ones(window), "valid")
    assert np.ptp(shares) <= 1 + (count == limit)


def test_every_class_is_seen_whatever_the_limit(write):
    """Six of ten classes of ten pictures would be a prefix."""
    names = [f"{label}/{index}.png" for label in range(10) for index in "01234"]
    source = write(dict.fromkeys(names, b"x"))
    found = [file.label for file in iterate_files(source, 30)]
    assert set(Counter(found).values()) == {3} and len(set(found)) == 10


def test_unreadable_files_are_left_out_with_a_word():
    good, bad = (LabelledFile(f"{i}.png", "", b"%d" % i) for i in range(2))

    def load(data):
        if data == bad.data:
            raise ValueError("cut off")
        return np.zeros(1)

    with pytest.warns(UserWarning, match="Skipped 1 picture that .*: 1.png"):
        found = [file for file, _ in load_readable([bad, good, good], load)]
    assert found == [good, good]
    with pytest.raises(ValueError, match="None of 1 pictures .*: cut off"):
        list(load_readable([bad], load))


@pytest.mark.parametrize("files", [{}, {"a/b.txt": b"x"}])
def test_no_image(write, files):
    source = write(files)
    for call in (list_files, lambda source: next(iterate_files(source))):
        with pytest.raises(ValueError, match="holds no picture"):
            call(source)


def test_formats_that_are_not_read_are_told(write):
    source = write({**FILES, "a/x.HEIC": b"", "b/y.gif": b"", "._0.jpg": b""})
    with pytest.warns(
        UserWarning, match="Left out 2 pictures .*: a/x.HEIC, b/"
    ):
        assert list(iterate_files(source)) == EXPECTED


@pytest.mark.parametrize(
    "name",
    [
        ".ipynb_checkpoints/0-checkpoint.jpg",
        "a/.ipynb_checkpoints/0-checkpoint.jpg",
        "a/._0.jpg",
        "__MACOSX/a/0.jpg",
    ],
)
def test_hidden_files_are_no_images(write, name):
    source = write({**FILES, name: b"hidden"})
    assert list(iterate_files(source)) == EXPECTED


def test_the_current_folder_is_not_hidden(tmp_path):
    """`tar cf a.tar .` names all files so."""
    path = write_tar(tmp_path / "a.tar", {"./a/0.jpg": b"x"})
    assert list_files(path) == ["./a/0.jpg"]


def test_no_image_says_what_there_is(tmp_path):
    path = write_folder(tmp_path / "a", {"a/x.heic": b""})
    with pytest.raises(ValueError, match="no picture.* Received: a/x.heic"):
        list_files(path)


def test_the_last_of_one_name_counts(tmp_path):
    """A tar that was appended to, as `tar` unpacks it."""
    path = write_tar(tmp_path / "a.tar", {"a/1.png": b"old", "a/2.png": b""})
    with tarfile.open(path, "a") as tar:
        member = tarfile.TarInfo("a/1.png")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"new"))
    found = [(file.name, file.data) for file in iterate_files(path)]
    assert found == [("a/1.png", b"new"), ("a/2.png", b"")]


def test_folders_named_like_images_are_no_images(tmp_path):
    write_folder(tmp_path, {"odd.png/a.png": b"x"})
    assert [file.name for file in iterate_files(tmp_path)] == ["odd.png/a.png"]


@pytest.mark.parametrize("data", [b"", b"text" * 300], ids=["empty", "text"])
def test_not_a_tar(tmp_path, data):
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"Expected a folder .*a\.tar"):
        list_files(path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_cut_tar(tmp_path, mode):
    rng = np.random.default_rng(0)
    files = {f"a/{i}.png": rng.bytes(20_000) for i in range(3)}
    path = write_tar(tmp_path / "a.tar", files, mode)
    path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(ValueError, match=r"Expected a folder .*a\.tar"):
        list_files(path)


def test_missing_source(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder or tar"):
        list_files(tmp_path / "none")


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


# === atomic_write ===


def test_atomic_write(tmp_path):
    path = tmp_path / "new" / "a.bin"
    atomic_write(path, b"one")
    atomic_write(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_atomic_write_leaves_nothing_when_writing_fails(tmp_path, monkeypatch):
    def write_half(self, data):
        with open(self, "wb") as file:
            file.write(data[:2])
        raise OSError("disk full")

    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(pathlib.Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="disk full"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_leaves_nothing_when_renaming_fails(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OSError):
        atomic_write(target, b"new")
    assert list(tmp_path.iterdir()) == [target]
