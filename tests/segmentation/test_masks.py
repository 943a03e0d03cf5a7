"""ImageSource in, masks of their own size out."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_mobilevit.layers import ResizeLike
from keras_mobilevit.segmentation import decode_predictions, preprocess
from keras_mobilevit.segmentation.masks import resize_logits

# === Out of the model ===


def test_interpolates_before_it_chooses():
    # Margins 0.5, -0.25, -1.75, -2.5 over four columns.
    logits = np.array([[[[0.5, 0.0], [0.0, 2.5]]]], np.float32)
    (mask,) = decode_predictions(logits, [(2, 4)])
    assert mask.dtype == np.uint8
    assert mask.tolist() == [[0, 1, 1, 1]] * 2


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((4, 3), (200, 150)),
        ((20, 30), (7, 11)),
        ((8, 8), (8, 8)),
        ((1, 1), (3, 2)),
    ],
)
def test_against_tensorflow(source, target):
    logits = np.random.default_rng(0).normal(size=(2, *source, 5))
    logits = logits.astype(np.float32)
    resized = tf.image.resize(logits, target).numpy()
    # Nothing is said of pixels where two classes are as good as equal.
    best = np.sort(resized, axis=-1)
    clear = best[..., -1] - best[..., -2] > 1e-5
    assert clear.mean() > 0.99
    masks = decode_predictions(logits, [target, target])
    for mask, expected, counts in zip(
        masks, resized.argmax(axis=-1), clear, strict=True
    ):
        assert mask.shape == target
        np.testing.assert_array_equal(mask[counts], expected[counts])


@pytest.mark.parametrize("target", [(32, 48), (13, 7), (4, 6)])
def test_logits_are_resized_as_in_the_model(target):
    logits = np.random.default_rng(0).normal(size=(4, 6, 5)).astype(np.float32)
    like = np.zeros((1, *target, 1), np.float32)
    found = resize_logits(logits, target)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, np.array(ResizeLike()([logits[None], like])[0]), atol=1e-5
    )


def test_each_image_has_its_size():
    logits = np.zeros((2, 4, 4, 3), np.float32)
    logits[1, ..., 2] = 1
    first, second = decode_predictions(logits, [(5, 9), (130, 3)])
    np.testing.assert_array_equal(first, np.zeros((5, 9)))
    np.testing.assert_array_equal(second, np.full((130, 3), 2))


def test_without_sizes():
    logits = np.random.default_rng(0).normal(size=(2, 4, 6, 3))
    found = np.stack(decode_predictions(logits))
    np.testing.assert_array_equal(found, logits.argmax(axis=-1))


@pytest.mark.parametrize(
    ("shape", "sizes", "match"),
    [
        ((4, 6, 3), None, r"expects logits.*\(4, 6, 3\)"),
        ((1, 4, 6, 257), None, "2 to 256 classes"),
        ((1, 4, 6, 1), None, "single score needs that of the background"),
        ((2, 4, 6, 3), [(4, 6)], "2 predictions and 1 sizes"),
    ],
)
def test_bad_logits(shape, sizes, match):
    with pytest.raises(ValueError, match=match):
        decode_predictions(np.zeros(shape), sizes)


# === Into the model ===


def test_preprocess(tmp_path):
    wide = Image.new("RGB", (60, 20), (10, 200, 30))
    wide.paste((250, 0, 0), (30, 0, 60, 20))
    wide.save(tmp_path / "wide.png")
    Image.new("L", (7, 9), 77).save(tmp_path / "grey.png")
    data = (tmp_path / "grey.png").read_bytes()
    images, sizes = preprocess([tmp_path / "wide.png", data], (32, 64))
    assert (images.dtype, images.shape) == (np.uint8, (2, 32, 64, 3))
    assert sizes == [(20, 60), (9, 7)]
    # The whole picture: nothing is cropped, and colours stay RGB.
    assert (images[0, :, :30] == (10, 200, 30)).all()
    assert (images[0, :, 34:] == (250, 0, 0)).all()
    assert (images[1] == 77).all()


def test_preprocess_turns_images_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned by 90 degrees.
    picture = Image.new("RGB", (30, 10))
    picture.save(tmp_path / "a.jpg", exif=exif)
    _, sizes = preprocess([tmp_path / "a.jpg"], (32, 32))
    assert sizes == [(30, 10)]


def test_preprocess_refuses(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"hello")
    with pytest.raises(ValueError, match="Not a readable picture"):
        preprocess([tmp_path / "a.jpg"])
    with pytest.raises(FileNotFoundError, match="b.jpg"):
        preprocess([tmp_path / "b.jpg"])
    with pytest.raises(ValueError, match="must be a list of pictures"):
        preprocess("a.jpg")
    with pytest.raises(ValueError, match="holds no picture"):
        preprocess([])
