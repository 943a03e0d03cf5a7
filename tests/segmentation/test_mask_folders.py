"""Pairs of pictures and masks: what is taken, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.segmentation.folders import (
    open_masked_images,
    require_two_classes,
)


def write(path, ids, mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.uint8(ids))
    if mode == "P":
        image.putpalette(np.arange(768) % 256)
    elif mode != "L":
        image = image.convert(mode)
    image.save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Two pictures with masks, and one without."""
    for name, shade in (("a", 10), ("b", 20), ("c", 30)):
        write(tmp_path / "images" / f"{name}.jpg", np.full((4, 6), shade))
    write(tmp_path / "masks" / "a.png", [[0, 1, 2, 2, 9, 9]] * 4)
    write(tmp_path / "masks" / "b.png", [[0, 3, 0, 0, 9, 9]] * 4, mode="P")
    return tmp_path


def open_folder(folder, **options):
    options = {"void_label": 9, **options}
    return open_masked_images(folder / "images", folder / "masks", **options)


def test_images_with_masks(folder):
    """The ids are in the masks; those of a palette's are not its colours."""
    source = open_folder(folder)
    assert source.names == ("a.jpg", "b.jpg")
    assert source.labels == ("0", "1", "2", "3")
    picture, mask = source.open(1)
    assert picture.mode == "RGB" and picture.size == (6, 4)
    np.testing.assert_array_equal(mask, [[0, 3, 0, 0, 255, 255]] * 4)


def test_a_list_of_names(folder):
    """As in `ImageSets/Segmentation` of Pascal VOC."""
    (folder / "val.txt").write_text("b\n")
    source = open_folder(folder, names=folder / "val.txt")
    assert source.names == ("b.jpg",)
    (folder / "val.txt").write_text("b\nc\n")
    with pytest.raises(FileNotFoundError, match="masks lacks 1 of .* 'c'"):
        open_folder(folder, names=folder / "val.txt")
    (folder / "val.txt").write_text("\n")
    with pytest.raises(ValueError, match="names no picture"):
        open_folder(folder, names=folder / "val.txt")


def test_a_mask_without_an_image(folder):
    (folder / "images" / "b.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="images lacks 1 of the 2 .*'b"):
        open_folder(folder)


def test_a_mask_of_another_size(folder):
    write(folder / "masks" / "a.png", np.zeros((6, 4)))
    with pytest.raises(ValueError, match="a.png has 4x6 .* picture 6x4"):
        open_folder(folder)


def test_an_image_is_turned_before_it_is_compared(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # To be shown turned clockwise.
    write(folder / "images" / "a.jpg", np.zeros((6, 4)), exif=exif)
    picture, mask = open_folder(folder).open(0)
    assert picture.size == mask.size == (6, 4)


def test_an_id_of_no_class(folder):
    with pytest.raises(ValueError, match="b.png has the id 3, .* 3 classes"):
        open_folder(folder, labels=("x", "y", "z"))


def test_void_pixels_are_no_class(folder):
    """With the default for them, 9 is a class like any other."""
    assert len(open_folder(folder, void_label=255).labels) == 10


@pytest.mark.parametrize(("low", "white"), [(0, 255), (1, 255), (0, 9)])
def test_masks_of_one_class(folder, low, white):
    """Masks in black and white: all that is white would be ignored."""
    for name in "ab":
        write(folder / "masks" / f"{name}.png", [[low, low, white] * 2] * 4)
    message = (
        f"at least two classes. Received: only the class {low} in the 2 masks"
        rf".* Pixels of {white} .*np.where\(mask == {white}, 1, mask\)"
    )
    with pytest.raises(ValueError, match=message):
        open_folder(folder, void_label=white)
    # Of images to test on, one class may be all that there is.
    source = open_folder(folder, void_label=white, labels=("x", "y"))
    assert source.present == (low,)
    with pytest.raises(ValueError, match=message):
        require_two_classes(source)


def test_masks_in_shades_of_grey(folder):
    for name in "ab":
        write(folder / "masks" / f"{name}.png", [[0, 128, 255] * 2] * 4)
    with pytest.warns(UserWarning, match="ids 0, 128, from which 129 classes"):
        source = open_folder(folder, void_label=255)
    assert len(source.labels) == 129


def test_masks_without_any_class(folder):
    for name in "ab":
        write(folder / "masks" / f"{name}.png", np.full((4, 6), 9))
    with pytest.raises(ValueError, match="No pixel of the 2 masks"):
        open_folder(folder)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_mask_in_colours(folder, mode):
    write(folder / "masks" / "a.png", np.zeros((4, 6)), mode)
    with pytest.raises(ValueError, match=f"mode '{mode}': .*a.png"):
        open_folder(folder)


def test_a_damaged_mask(folder):
    (folder / "masks" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    with pytest.raises(ValueError, match="a.png is not a readable mask"):
        open_folder(folder)


def test_a_folder_without_images(folder, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="holds no picture"):
        open_masked_images(folder / "images", tmp_path / "none")
