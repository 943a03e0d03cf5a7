"""Which images calibrate: drawn evenly, by a seed, and in [0, 255]."""

import collections
import functools
import io
import itertools
import tarfile

import keras
import numpy as np
import pytest

from keras_mobilevit.image_folders import list_files, read_files
from keras_mobilevit.images import load_image
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.tflite.quantization.calibration_set import (
    CalibrationSet,
    calibration_set,
)

Image = pytest.importorskip("PIL.Image")

SHAPE = (8, 12, 3)
BAD = b"no picture"

# Small sets keep tests fast; one test asks for the warning.
pytestmark = pytest.mark.filterwarnings("ignore:.*calibration images are few")


def png(*colour):
    buffer = io.BytesIO()
    pixels = np.broadcast_to(np.uint8(colour), SHAPE)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def pictures(**classes):
    """Red counts classes from 10, green the pictures of a class."""
    return {
        f"{label}/{index:02}.png": png(red, index, 77)
        for red, (label, count) in enumerate(classes.items(), 10)
        for index in range(count)
    }


def write(path, files):
    """A tar, or a folder where the path has no suffix."""
    if path.suffix:
        with tarfile.open(path, "w") as tar:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return path
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def colours(found):
    """(red, green) of each image, which name its picture."""
    assert found.images.shape[1:] == SHAPE
    return [tuple(image[0, 0, :2].tolist()) for image in found.images]


def per_class(found):
    return collections.Counter(red for red, _ in colours(found))


# === Files ===


@pytest.mark.parametrize(
    ("count", "expected"),
    [(30, {10: 10, 11: 6, 12: 2}), (12, {10: 5, 11: 5, 12: 2})],
)
@pytest.mark.parametrize("name", ["folder", "a.tar"])
def test_classes_are_drawn_evenly(tmp_path, name, count, expected):
    source = write(tmp_path / name, pictures(a=10, b=6, c=2))
    found = calibration_set(str(source), SHAPE, count=count, seed=3)
    assert per_class(found) == expected
    assert len(set(colours(found))) == len(found.images)
    assert found.images.dtype == np.uint8
    assert (found.seed, found.skipped) == (3, ())


def test_the_seed_draws(tmp_path):
    folder = write(tmp_path / "folder", pictures(a=30, b=30))
    tar = write(tmp_path / "a.tar", pictures(a=30, b=30))
    first, same, other = (
        calibration_set(source, SHAPE, count=20, seed=seed)
        for source, seed in ((folder, 1), (tar, 1), (folder, 2))
    )
    np.testing.assert_array_equal(first.images, same.images)
    assert set(colours(first)) != set(colours(other))
    # Neither the first by name, nor every third.
    greens = sorted(green for red, green in colours(first) if red == 10)
    assert len(greens) == 10 and len(set(np.diff(greens))) > 1


def test_fewer_images_than_classes_do_not_favour_the_first(tmp_path):
    classes = {f"class{index:02}": 2 for index in range(40)}
    source = write(tmp_path / "a.tar", pictures(**classes))
    found = calibration_set(source, SHAPE, count=20)
    reds = per_class(found)
    assert set(reds.values()) == {1} and len(reds) == 20
    assert max(reds) >= 10 + 30


def test_unreadable_images_are_replaced_within_their_class(tmp_path):
    files = pictures(a=10, b=10, c=10)
    damaged = {f"a/{index:02}.png": BAD for index in range(6)}
    source = write(tmp_path / "a.tar", files | damaged)
    with pytest.warns(UserWarning, match="pictures that can not be") as caught:
        found = calibration_set(source, SHAPE, count=12)
    assert per_class(found) == {10: 4, 11: 4, 12: 4}
    # Only those that were drawn are read; four of ten can be.
    assert found.skipped and set(found.skipped) <= set(damaged)
    assert len(set(found.skipped)) == len(found.skipped)
    message = str(caught[0].message)
    assert message.startswith(f"Skipped {len(found.skipped)} ")
    assert found.skipped[0] in message


def test_other_classes_fill_in_for_an_unreadable_one(tmp_path):
    damaged = {name: BAD for name in pictures(a=7)}
    source = write(tmp_path / "a.tar", pictures(a=7, b=10, c=10) | damaged)
    with pytest.warns(UserWarning, match=r"Skipped 7 .*a/00.png.*, \.\.\.$"):
        found = calibration_set(source, SHAPE, count=16)
    assert per_class(found) == {11: 8, 12: 8}
    assert sorted(found.skipped) == sorted(damaged)


def test_nothing_is_readable(tmp_path):
    source = write(tmp_path / "folder", {"a.png": BAD, "b.jpg": b""})
    message = "Received: 2 pictures that can not be read: a.png, b.jpg"
    with pytest.raises(ValueError, match=message):
        calibration_set(source, SHAPE)


def test_preprocessing_is_that_of_inference(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    (tmp_path / "a").mkdir()
    Image.fromarray(pixels).save(tmp_path / "a" / "a.png")
    spec = ImageSpec(crop_pct=0.5, pre_resize=5)
    found = calibration_set(tmp_path, SHAPE, image=spec)
    expected = load_image(tmp_path / "a" / "a.png", SHAPE[:2], 0.5, 5)
    np.testing.assert_array_equal(found.images, expected[None])


@pytest.mark.filterwarnings("ignore:1 calibration images are few")
def test_channels_are_those_of_the_model(tmp_path):
    """Luma is that of ITU-R 601, by the weights that Pillow documents."""
    pixels = np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    bgr = calibration_set(tmp_path, SHAPE, image=ImageSpec(channel_order="bgr"))
    np.testing.assert_array_equal(bgr.images[0], pixels[..., ::-1])
    luma = calibration_set(tmp_path, (8, 12, 1)).images[0]
    expected = pixels @ np.array([299, 587, 114]) / 1000
    assert abs(luma[..., 0] - expected).max() < 1
    with pytest.raises(ValueError, match="or 1 of luma, the model's input has"):
        calibration_set(tmp_path, (8, 12, 4))


def test_no_such_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder or tar"):
        calibration_set(tmp_path / "none", SHAPE)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="holds no picture"):
        calibration_set(tmp_path / "folder", SHAPE)


@pytest.mark.parametrize("name", ["folder", "a.tar"])
def test_read_files_keeps_the_order_asked_for(tmp_path, name):
    source = write(tmp_path / name, {"b/1.png": b"1", "a/2.png": b"2"})
    assert list_files(source) == ["a/2.png", "b/1.png"]
    names = ["b/1.png", "a/2.png", "b/1.png"]
    assert [file.data for file in read_files(source, names)] == [
        b"1",
        b"2",
        b"1",
    ]


# === Arrays and datasets ===


def numbered(count, dtype=np.uint8, shape=SHAPE):
    """Image number i is filled with i + 2."""
    values = np.arange(2, count + 2, dtype=dtype)
    return np.ones((count, *shape), dtype) * values[:, None, None, None]


def numbers(found):
    return [int(image.flat[0]) - 2 for image in found.images]


def test_the_seed_draws_from_an_array():
    array = numbered(200)
    first, same, other = (
        calibration_set(array, SHAPE, count=25, seed=seed) for seed in (4, 4, 5)
    )
    assert numbers(first) == numbers(same) != numbers(other)
    assert len(set(numbers(first))) == 25
    assert max(numbers(first)) > 100
    assert first.seed == 4 and first.images.dtype == np.uint8


def test_a_small_array_is_used_whole():
    found = calibration_set(numbered(30, np.float64), SHAPE, count=50)
    assert numbers(found) == list(range(30))
    assert found.images.dtype == np.float32


def test_one_channel():
    shape = (8, 12, 1)
    found = calibration_set(numbered(30, shape=shape), shape)
    assert found.images.shape == (30, *shape)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        part = slice(10 * index, 10 * index + 10)
        return numbered(40)[part], np.zeros(10)


class TorchTensor:
    """NumPy takes it only after it was detached, and copied from the GPU."""

    def __init__(self, array, steps=("detach", "cpu")):
        self.shape = array.shape
        self._array, self._steps = array, steps

    def detach(self):
        return self._after("detach")

    def cpu(self):
        return self._after("cpu")

    def _after(self, step):
        assert self._steps[0] == step
        return TorchTensor(self._array, self._steps[1:])

    def __array__(self, dtype=None, copy=None):
        assert not self._steps
        return self._array


def loader():
    for batch in np.split(numbered(40).astype(np.float32), 4):
        yield [TorchTensor(batch), TorchTensor(np.zeros(10))]


def tensorflow_dataset():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((numbered(40), np.zeros(40)))
    return data.batch(16)


@pytest.mark.parametrize(
    "make",
    [
        lambda: list(numbered(40)),
        lambda: lambda: (image for image in numbered(40)),
        lambda: functools.partial(iter, numbered(40)),
        # What TensorFlow's converter calls a representative dataset.
        lambda: lambda: ([image[None]] for image in numbered(40)),
        lambda: [{"images": numbered(40), "labels": np.zeros(40)}],
        lambda: [({"pixels": numbered(40)}, np.zeros(40))],
        lambda: np.split(numbered(40, np.int32), 4),
        lambda: tensorflow_dataset().map(lambda x, y: {"image": x, "y": y}),
        lambda: loader(),
        lambda: iter(numbered(40)),
        lambda: np.split(numbered(40).astype(np.float16), 4),
        lambda: [[numbered(40), np.zeros(40)]],
        lambda: Batches(),
        lambda: tensorflow_dataset(),
        lambda: tensorflow_dataset().unbatch(),
        lambda: tensorflow_dataset().repeat(),
    ],
    ids=[
        "list",
        "generator function",
        "callable",
        "representative dataset",
        "dictionaries",
        "labelled dictionaries",
        "integers",
        "tf.data dictionaries",
        "loader",
        "iterator",
        "batches",
        "labelled batch",
        "PyDataset",
        "tf.data batches",
        "tf.data images",
        "endless",
    ],
)
def test_iterables_give_their_first_images(make):
    found = calibration_set(make(), SHAPE, count=23, seed=1)
    assert numbers(found) == list(range(23))
    assert found.seed is None


@pytest.mark.parametrize(
    "source",
    [
        (numbered(40), np.zeros((40, 1))),
        [numbered(40), np.zeros(40)],
        {"images": numbered(40), "labels": np.zeros(40)},
        {"pixels": numbered(40)},
        lambda: numbered(40),
        numbered(40, np.int32),
        numbered(40, np.int64),
        TorchTensor(numbered(40)),
    ],
)
def test_arrays_in_other_forms_are_drawn_from(source):
    found = calibration_set(source, SHAPE, count=23, seed=1)
    expected = calibration_set(numbered(40), SHAPE, count=23, seed=1)
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.seed == 1


def test_a_shorter_iterable_is_used_whole():
    assert numbers(calibration_set(Batches(), SHAPE)) == list(range(40))


def test_image_dataset_from_directory(tmp_path):
    pytest.importorskip("tensorflow")
    source = write(tmp_path / "folder", pictures(a=12, b=12))
    dataset = keras.utils.image_dataset_from_directory(
        source, image_size=SHAPE[:2], batch_size=5, shuffle=False, verbose=False
    )
    found = calibration_set(dataset, SHAPE, count=22)
    assert colours(found) == [(10, i) for i in range(12)] + [
        (11, i) for i in range(10)
    ]
    assert found.images.dtype == np.float32


def test_no_more_is_read_than_needed():
    batches = itertools.count()
    source = (numbered(10) for _ in batches)
    assert len(calibration_set(source, SHAPE, count=20).images) == 20
    assert next(batches) == 2


def test_an_earlier_set_is_taken_as_it_is():
    given = CalibrationSet(numbered(30), seed=7, skipped=("a.png",))
    assert calibration_set(given, SHAPE, count=5) is given
    with pytest.raises(ValueError, match="of shape"):
        calibration_set(given, (9, 9, 3))


@pytest.mark.parametrize(("count", "few"), [(19, True), (20, False)])
def test_few_images_are_warned_of(recwarn, count, few):
    calibration_set(numbered(count), SHAPE)
    assert [str(w.message).split(" are few")[0] for w in recwarn] == (
        ["19 calibration images"] if few else []
    )


# === Reserved images ===


@pytest.mark.parametrize(
    ("count", "reserved"),
    [(100, 20), (41, 8), (40, 8), (16, 8), (15, 7), (3, 1), (2, 1), (1, 0)],
)
def test_a_fifth_is_reserved(count, reserved):
    """Of few images at least 8, but never more than half."""
    images = numbered(count)
    found = CalibrationSet(images, seed=7, skipped=("a.png",)).reserve()
    assert found.reserved.shape == (reserved, *SHAPE)
    kept, apart = numbers(found), numbers(CalibrationSet(found.reserved))
    assert sorted(kept + apart) == list(range(count))
    assert kept == sorted(kept) and apart == sorted(apart)
    assert (found.seed, found.skipped) == (7, ("a.png",))
    assert found.reserve() is found
    again = CalibrationSet(images).reserve()
    np.testing.assert_array_equal(again.reserved, found.reserved)


@pytest.mark.parametrize("order", ["class by class", "in turns"])
def test_classes_reserve_alike(order):
    """Every fifth image would be of one class alone, where five take turns."""
    classes = np.arange(100) // 20 if order[0] == "c" else np.arange(100) % 5
    found = CalibrationSet(numbered(100)).reserve()
    apart = numbers(CalibrationSet(found.reserved))
    counts = np.bincount(classes[apart], minlength=5)
    assert counts.sum() == 20 and counts.min() >= 2
    if order == "class by class":
        assert counts.tolist() == [4] * 5
    # One of each five in a row.
    assert [index // 5 for index in apart] == list(range(20))


def test_copies_are_not_on_both_sides():
    """As a dataset that repeats has them."""
    found = CalibrationSet(np.concatenate([numbered(20)] * 3)).reserve()
    apart = numbers(CalibrationSet(found.reserved))
    assert len(set(apart)) == len(apart) == 8
    assert not set(apart) & set(numbers(found))
    assert len(found.images) == 3 * 12
    alike = CalibrationSet(np.repeat(numbered(1), 5, axis=0)).reserve()
    assert (len(alike.images), len(alike.reserved)) == (5, 0)


UNIT = np.linspace(0, 1, 30 * 288, dtype=np.float32).reshape(30, *SHAPE)


@pytest.mark.parametrize("kind", [lambda x: x, iter], ids=["array", "iterator"])
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (numbered(0), "Received: none"),
        (UNIT, r"pixels in \[0, 255\].* itself.* values in \[0, 1\]"),
        (2 * UNIT - 1, r"values in \[-1, 1\]"),
        (300 * UNIT, r"values in \[0, 300\]"),
        (np.where(UNIT > 0.9, np.nan, 255 * UNIT), r"\[nan, nan\]"),
        (np.where(UNIT > 0.9, np.inf, 255 * UNIT), r"\[0, inf\]"),
        (UNIT.astype(np.uint8), r"values in \[0, 1\]"),
        (numbered(30, np.int32) * 10 - 1, r"values in \[19, 309\]"),
        (numbered(30) > 3, "numbers.* Received: bool"),
        (numbered(30).transpose(0, 3, 1, 2), "channels come first.*permute"),
        (numbered(30)[:, :7], r"of shape \(8, 12, 3\).* shape \(7, 12, 3\)"),
        (numbered(30)[..., :1], r"Received: one of shape \(8, 12, 1\)"),
    ],
)
def test_unfit_images(kind, images, message):
    with pytest.raises(ValueError, match=message):
        calibration_set(kind(images), SHAPE)


def test_dark_images_among_others_are_fit():
    images = np.where(np.arange(30)[:, None, None, None] < 5, 0.0, 200 * UNIT)
    assert len(calibration_set(images, SHAPE).images) == 30


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (numbered(1)[0], {}, r"4 axes.* Received: shape \(8, 12, 3\)"),
        ([np.zeros(5)], {}, "of shape"),
        (7, {}, "generator function .* Received: int"),
        (["a.jpg"], {}, "arrays of numbers.* Received: <U5"),
        ([{"left": 1, "right": 2}], {}, r"Received: \['left', 'right'\]"),
        ([], {}, "Received: none"),
        (numbered(30), dict(count=0), "`count` must be at least 1"),
    ],
)
def test_bad_arguments(source, options, message):
    with pytest.raises(ValueError, match=message):
        calibration_set(source, SHAPE, **options)
