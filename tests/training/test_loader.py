"""The loader: the same batches however they are made, whatever the files."""

import multiprocessing
import threading
import time
import zlib

import numpy as np
import pytest
from image_files import encode, gradient, plain, write_folder, write_tar
from PIL import Image

from keras_mobilevit.images import load_image
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.feed import AHEAD
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.sampler import Batch
from keras_mobilevit.training.sources import open_source

PLAIN = Augmentation(crop="none", flip=0.0)
WHOLE = ImageSpec()
SPECS = [
    ImageSpec(crop_pct=256 / 288),
    ImageSpec(crop_pct=0.9, pre_resize=16),
]
COUNT, CLASSES = 24, 3


def numbered(count=COUNT):
    """Image i is all of i, and of class i % 3."""
    images = np.stack([plain(i) for i in range(count)])
    return open_source((images, np.arange(count) % CLASSES))


def noise(count=COUNT):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 20, 24, 3), np.uint8)
    return open_source((images, np.arange(count) % CLASSES))


def batch(*rows, height=8, width=8):
    return Batch(height, width, np.array(rows, np.int64))


def made(loader, plan, epoch=0, **options):
    return list(loader.batches(plan, epoch=epoch, **options))


def numbers(images):
    """Which images of `numbered` these are."""
    values = images[:, 0, 0, 0]
    assert (images == values[:, None, None, None]).all()
    return values.tolist()


def assert_same(batches, others):
    for one, other in zip(batches, others, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


# === Batches ===


def test_images_and_targets():
    plan = [
        batch([3, 0, 22]),
        batch([5, 5], [1, 2], height=6, width=4),
    ]
    first, second = made(BatchLoader(numbered(), PLAIN, WHOLE), plan)
    assert first[0].shape == (3, 8, 8, 3) and second[0].shape == (4, 6, 4, 3)
    for images, targets in (first, second):
        assert images.dtype == targets.dtype == np.float32
    assert numbers(first[0]) == [3, 0, 22]
    assert first[1].tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert numbers(second[0]) == [5, 5, 1, 2]
    assert second[1].tolist() == [[0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 0, 1]]


def test_a_large_batch():
    order = np.random.default_rng(0).permutation(COUNT)
    plan = [batch(np.tile(order, 5))]
    ((images, targets),) = made(BatchLoader(numbered(), PLAIN, WHOLE), plan)
    assert numbers(images) == np.tile(order, 5).tolist()
    np.testing.assert_array_equal(
        targets.argmax(axis=1), np.tile(order, 5) % CLASSES
    )


def test_no_class_is_left_out_of_the_targets():
    source = open_source((np.stack([plain(1)] * 4), [0, 0, 1, 1]), "abcde")
    loader = BatchLoader(source, PLAIN, WHOLE)
    ((_, targets),) = made(loader, [batch([2, 0])])
    assert targets.tolist() == [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]


class Places(BatchLoader):
    """Leaves the pixels to others, and says where they are."""

    def training_example(self, index, size, rng):
        pixels, target = super().training_example(index, size, rng)
        inputs = {
            "pixel": pixels[0, 0],
            "index": np.int32(index),
            "rows": np.linspace(0, 1, size[0], dtype=np.float32),
        }
        return inputs, target

    def finish(self, inputs, targets, key, replicas):
        inputs["rows"] *= 2
        return targets


@pytest.mark.parametrize("workers", [0, 1])
def test_inputs_by_name(workers):
    """Bytes become floats, other types stay; all may be changed in place."""
    loader = Places(numbered(), PLAIN, WHOLE, workers=workers)
    ((inputs, targets),) = made(loader, [batch([3, 0, 22], height=5)])
    assert {name: (x.shape, x.dtype) for name, x in inputs.items()} == {
        "pixel": ((3, 3), np.float32),
        "index": ((3,), np.int32),
        "rows": ((3, 5), np.float32),
    }
    assert inputs["index"].tolist() == [3, 0, 22]
    assert inputs["pixel"][:, 0].tolist() == [3, 0, 22]
    assert inputs["rows"][1].tolist() == [0, 0.5, 1, 1.5, 2]
    assert targets.argmax(axis=1).tolist() == [0, 0, 1]


PLAN = [
    batch([0, 1, 2, 3], [4, 5, 6, 7], height=16, width=16),
    batch([8, 9], [10, 11], height=24, width=20),
    batch([12, 13, 14], [15, 16, 17], height=16, width=16),
    batch([18, 19, 20], [21, 22, 23], height=12, width=12),
]
AUGMENTATIONS = {
    "random_resized": Augmentation(),
    "padded": Augmentation(crop="padded", padding=3),
    "of batches": Augmentation(mixup=0.5, cutmix=True, erasing=0.5),
}


@pytest.fixture(params=AUGMENTATIONS)
def augmentation(request):
    return AUGMENTATIONS[request.param]


def test_calls_change_nothing(augmentation):
    loader = BatchLoader(noise(), augmentation, WHOLE)
    expected = made(loader, PLAN)
    assert_same(made(loader, PLAN), expected)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers):
    augmentation = AUGMENTATIONS["of batches"]
    expected = BatchLoader(noise(), augmentation, WHOLE)
    loader = BatchLoader(noise(), augmentation, WHOLE, workers=workers)
    assert_same(made(loader, PLAN), made(expected, PLAN))
    found, expected = (
        list(x.evaluation_batches((16, 16), 5)) for x in (loader, expected)
    )
    assert_same(found, expected)


def test_shares_of_workers_add_up(augmentation):
    """Each loads its replicas as a process that loads all does."""
    expected = made(BatchLoader(noise(), augmentation, WHOLE), PLAN)
    shares = [
        made(BatchLoader(noise(), augmentation, WHOLE), PLAN, replicas=rows)
        for rows in (slice(0, 1), slice(1, 2))
    ]
    found = [
        tuple(map(np.concatenate, zip(*parts, strict=True)))
        for parts in zip(*shares, strict=True)
    ]
    assert_same(found, expected)


@pytest.mark.parametrize("first_step", [1, 3, 4])
def test_resuming(augmentation, first_step):
    loader = BatchLoader(noise(), augmentation, WHOLE)
    expected = made(loader, PLAN, epoch=5)
    found = made(loader, PLAN, epoch=5, first_step=first_step)
    assert_same(found, expected[first_step:])


def test_what_the_draws_depend_on():
    """Seed, epoch, step and place: of one image, no two are alike."""
    plan = [batch([7, 7, 7], height=16, width=16)] * 3
    found = []
    for seed, epoch in ((0, 0), (1, 0), (0, 1)):
        loader = BatchLoader(noise(), Augmentation(), WHOLE, seed=seed)
        for images, _ in made(loader, plan, epoch):
            found += [image.tobytes() for image in images]
    assert len(found) == len(set(found)) == 27


def test_what_the_mixtures_depend_on():
    """Seed, epoch, step and replica."""
    plan = [batch([0, 1, 2, 3], [0, 1, 2, 3])] * 2
    mixing = Augmentation(crop="none", flip=0.0, mixup=1.0)
    found = []
    for seed, epoch in ((0, 0), (1, 0), (0, 1)):
        loader = BatchLoader(noise(), mixing, WHOLE, seed=seed)
        for images, _ in made(loader, plan, epoch):
            found += [images[:4].tobytes(), images[4:].tobytes()]
    assert len(found) == len(set(found)) == 12


def test_replicas_mix_their_own_images():
    """Below 12, or from 12 on: no mixture is in between."""
    images = np.stack([plain(0)] * 12 + [plain(200)] * 12)
    source = open_source((images, np.repeat([0, 1], 12)))
    loader = BatchLoader(source, Augmentation(mixup=1.0), WHOLE)
    ((images, targets),) = made(loader, [batch(range(12), range(12, 24))])
    assert images[:12].max() == 0 and images[12:].min() > 199
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    assert targets[:12, 1].max() == 0 and targets[12:, 0].max() == 0


# === Teachers ===


def test_teacher():
    """A quarter of the teacher's probabilities, three of the label's."""
    seen = []

    def teacher(images):
        seen.append(images)
        return np.tile(np.float32([0.5, 0.25, 0.25]), (len(images), 1))

    loader = BatchLoader(
        noise(), Augmentation(), WHOLE, teacher=teacher, teacher_weight=0.25
    )
    ((images, targets),) = made(loader, [batch([0, 1])])
    expected = [[0.875, 0.0625, 0.0625], [0.125, 0.8125, 0.0625]]
    np.testing.assert_array_equal(targets, np.float32(expected))
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(seen[0], images)


def test_teacher_sees_and_corrects_mixtures():
    def teacher(images):
        return np.eye(3, dtype=np.float32)[[1] * len(images)]

    mixed = Augmentation(mixup=1.0)
    plain_loader = BatchLoader(noise(), mixed, WHOLE)
    ((images, targets),) = made(plain_loader, [batch([0, 1, 2, 3])])
    loader = BatchLoader(
        noise(), mixed, WHOLE, teacher=teacher, teacher_weight=0.5
    )
    ((same, taught),) = made(loader, [batch([0, 1, 2, 3])])
    np.testing.assert_array_equal(same, images)
    expected = targets / 2 + np.float32([0, 0.5, 0])
    np.testing.assert_allclose(taught, expected, atol=1e-7)


def test_teacher_of_other_classes():
    loader = BatchLoader(
        noise(), PLAIN, WHOLE, teacher=lambda x: np.ones((len(x), 10))
    )
    with pytest.raises(ValueError, match=r"give 3 prob.*\(2, 10\) for 2 im"):
        made(loader, [batch([0, 1])])


# === Evaluation ===


def test_evaluation_batches():
    """All images, once, in order, without augmentation."""
    loader = BatchLoader(numbered(11), Augmentation(), WHOLE)
    batches = list(loader.evaluation_batches((6, 4), 4))
    assert [x.shape for x, _ in batches] == [(4, 6, 4, 3)] * 2 + [(3, 6, 4, 3)]
    assert sum([numbers(x) for x, _ in batches], []) == list(range(11))
    targets = np.concatenate([y for _, y in batches])
    np.testing.assert_array_equal(targets, np.eye(3)[np.arange(11) % 3])
    assert targets.dtype == batches[0][0].dtype == np.float32


@pytest.mark.parametrize("spec", SPECS)
def test_evaluation_preprocesses_as_prediction_does(tmp_path, spec):
    files = {
        f"{name}/{i}.png": encode(gradient(60 + i, 90 - i))
        for i, name in enumerate("aabb")
    }
    source = open_source(write_folder(tmp_path / "a", files))
    loader = BatchLoader(source, Augmentation(), spec)
    ((images, _),) = loader.evaluation_batches((40, 32), 4)
    for image, name in zip(images, source.names, strict=True):
        expected = load_image(
            tmp_path / "a" / name,
            (40, 32),
            spec.crop_pct,
            spec.pre_resize,
        )
        np.testing.assert_array_equal(image, expected)


# === Threads and processes ===


class Watched:
    """A data set that knows how many images were read, by any process."""

    def __init__(self, path):
        self.path = path

    def __len__(self):
        return 400

    def __getitem__(self, index):
        with open(self.path, "ab", buffering=0) as file:
            file.write(b".")
        return plain(1), index % 2

    @property
    def reads(self):
        return self.path.stat().st_size

    def forget(self):
        self.path.write_bytes(b"")


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path / "reads")


def four_a_batch(count):
    return [batch(range(i, i + 4)) for i in range(0, count, 4)]


def settled(read, seconds=1.0):
    """What `read` returns when it has not changed for so long."""
    before, value = None, read()
    while value != before:
        time.sleep(seconds)
        before, value = value, read()
    return value


@pytest.mark.parametrize(
    ("workers", "ahead"), [(0, AHEAD), (1, 4 + 2), (2, 2 * 4 + 2)]
)
def test_no_more_is_read_ahead_than_said(watched, workers, ahead):
    loader = BatchLoader(open_source(watched), PLAIN, WHOLE, workers=workers)
    watched.forget()
    batches = loader.batches(four_a_batch(400), epoch=0)
    next(batches)
    assert 4 <= settled(lambda: watched.reads) <= 4 * (1 + ahead)
    batches.close()


def threads():
    """Those that read images.

    The first time that images come from a process, grain makes threads that
    free shared memory, and keeps them.
    """
    return [t for t in threading.enumerate() if t.name.startswith("grain-")]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("end", ["close", "exhaust", "fail"])
def test_nothing_is_left_running(watched, end, workers):
    def teacher(images):
        if end == "fail":
            raise KeyboardInterrupt
        return np.full((len(images), 2), 0.5)

    loader = BatchLoader(
        open_source(watched), PLAIN, WHOLE, workers=workers, teacher=teacher
    )
    batches = loader.batches(four_a_batch(40), epoch=0)
    if end == "fail":
        with pytest.raises(KeyboardInterrupt):
            next(batches)
    elif end == "exhaust":
        assert len(list(batches)) == 10
    else:
        # One of each worker, which start one after the other.
        next(batches), next(batches)
        assert threads()
        assert len(multiprocessing.active_children()) == workers
        batches.close()
    assert not multiprocessing.active_children()
    # They are told to end, and not waited for.
    assert settled(threads, 0.1) == []


# === Files that can not be read ===


def png_of_claimed_size(width, height):
    """A PNG whose header promises more than there is."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    sides = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    header = chunk(b"IHDR", sides + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b""))


NOISE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
BAD = {
    "empty": b"",
    "text": b"no picture",
    "cut PNG": encode(NOISE)[:-200],
    "cut JPEG": encode(NOISE, "JPEG")[:-200],
    "20,000 pixels a side": png_of_claimed_size(20_000, 20_000),
    "20,000 by 1": encode(np.zeros((1, 20_000, 3), np.uint8)),
}


def files_of(bad, where):
    """Twelve files, image i all of i, those in `where` unreadable."""
    return {
        f"{'ab'[i // 6]}/{i:02}.png": bad if i in where else encode(plain(i))
        for i in range(12)
    }


@pytest.fixture(params=["folder", "a.tar"])
def loader_of(request, tmp_path):
    write = write_tar if request.param == "a.tar" else write_folder

    def loader_of(files, augmentation=PLAIN):
        source = open_source(write(tmp_path / request.param, files))
        return BatchLoader(source, augmentation, WHOLE)

    return loader_of


@pytest.mark.parametrize("bad", BAD)
def test_the_next_image_steps_in(loader_of, bad):
    loader = loader_of(files_of(BAD[bad], {4}))
    plan = [batch([5, 4, 9, 2], height=256, width=256)]
    with pytest.warns(UserWarning, match="Skipped a/04.png: ") as caught:
        ((images, targets),) = made(loader, plan)
    assert len(caught) == 1
    assert numbers(images) == [5, 9, 9, 2]
    assert targets.argmax(axis=1).tolist() == [0, 1, 1, 0]
    assert list(loader.skipped) == ["a/04.png"]
    assert loader.skipped["a/04.png"] in str(caught[0].message)


def test_the_last_image_is_followed_by_the_first(loader_of):
    loader = loader_of(files_of(b"", {3, 4, 5}))
    with pytest.warns(UserWarning, match="Skipped"):
        ((images, _),) = made(loader, [batch([2, 3, 4], [7, 5, 4])])
    assert numbers(images) == [2, 7, 7, 7, 2, 2]


def test_a_bad_file_is_warned_of_once(loader_of):
    loader = loader_of(files_of(b"", {4}))
    with pytest.warns(UserWarning, match="Skipped") as caught:
        made(loader, [batch([4, 1]), batch([2, 4])])
        made(loader, [batch([4, 4, 3])], epoch=1)
        list(loader.evaluation_batches((8, 8), 4))
    assert len(caught) == 1


def test_another_workers_image_steps_in(loader_of):
    """What a replica gets does not depend on who loads the next one."""
    loader = loader_of(files_of(b"", {1, 5}), Augmentation())
    plan = [batch([0, 1], [2, 3], [4, 5], height=16, width=16)]
    with pytest.warns(UserWarning, match="Skipped"):
        ((images, targets),) = made(loader, plan)
    for row in range(3):
        rows = slice(row, row + 1)
        ((some, some_targets),) = made(loader, plan, replicas=rows)
        np.testing.assert_array_equal(some, images[2 * row : 2 * row + 2])
        np.testing.assert_array_equal(
            some_targets, targets[2 * row : 2 * row + 2]
        )
    assert numbers(images) == [0, 2, 2, 3, 4, 0]


def test_a_batch_without_a_readable_image(loader_of):
    loader = loader_of(files_of(b"no picture", {1, 2, 3}))
    with pytest.raises(
        ValueError, match="None of the 3 images.*Not a readable"
    ):
        made(loader, [batch([2, 3, 1])])


def test_evaluation_leaves_out_what_it_can_not_read(loader_of):
    loader = loader_of(files_of(b"", {1, 4, 5, 11}))
    with pytest.warns(UserWarning, match="Skipped"):
        batches = list(loader.evaluation_batches((8, 8), 4))
    assert [numbers(x) for x, _ in batches] == [[0, 2, 3], [6, 7], [8, 9, 10]]
    labels = [y.argmax(axis=1).tolist() for _, y in batches]
    assert labels == [[0, 0, 0], [1, 1], [1, 1, 1]]
    assert sorted(loader.skipped) == [
        "a/01.png",
        "a/04.png",
        "a/05.png",
        "b/11.png",
    ]


def test_evaluation_passes_over_a_batch_it_can_not_read(loader_of):
    loader = loader_of(files_of(b"", {4, 5, 6, 7}))
    with pytest.warns(UserWarning, match="Skipped"):
        batches = list(loader.evaluation_batches((8, 8), 4))
    assert [numbers(x) for x, _ in batches] == [[0, 1, 2, 3], [8, 9, 10, 11]]


def test_evaluation_of_nothing_readable(loader_of):
    loader = loader_of(files_of(b"", range(12)))
    with (
        pytest.warns(UserWarning, match="Skipped"),
        pytest.raises(ValueError, match="None of the 12 images"),
    ):
        list(loader.evaluation_batches((8, 8), 4))


# === Files of all kinds ===


def turned(image):
    exif = Image.Exif()
    exif[0x0112] = 6  # To be shown turned clockwise.
    return encode(np.rot90(image), exif=exif)


def animated(image, kind):
    frames = [Image.fromarray(plain(255, 24, 32))] * 2
    options = {"save_all": True, "append_images": frames, "lossless": True}
    return encode(Image.fromarray(image), kind, **options)


IMAGE = gradient(24, 32)
GREY = np.stack([IMAGE[..., 0]] * 3, axis=-1)
PALETTE = Image.fromarray(IMAGE).quantize(100)
CMYK = Image.fromarray(IMAGE).convert("CMYK")
KINDS = {
    "RGB.png": (encode(IMAGE), IMAGE),
    "grey.png": (encode(IMAGE[..., 0]), GREY),
    "16 bit.png": (encode(IMAGE[..., 0].astype(np.uint16) * 257), GREY),
    "palette.png": (encode(PALETTE), np.asarray(PALETTE.convert("RGB"))),
    "alpha.png": (encode(np.dstack([IMAGE, GREY[..., 0]])), IMAGE),
    "EXIF.png": (turned(IMAGE), IMAGE),
    "animated.png": (animated(IMAGE, "PNG"), IMAGE),
    "animated.webp": (animated(IMAGE, "WEBP"), IMAGE),
    "CMYK.jpg": (encode(CMYK, "JPEG", quality=100), IMAGE),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_files(loader_of, name):
    data, expected = KINDS[name]
    loader = loader_of({f"{c}/{i}{name}": data for c in "ab" for i in range(2)})
    plan = [batch([0, 3], height=24, width=32)]
    ((images, _),) = made(loader, plan)
    ((test_images, _),) = loader.evaluation_batches((24, 32), 4)
    # JPEG, with colours at half the resolution, is not exact.
    tolerance = 12 if name.endswith(".jpg") else 0
    for image in (*images, *test_images):
        assert abs(image - expected).max() <= tolerance
    assert loader.skipped == {}


def test_one_pixel(loader_of):
    data = encode(plain(9, 1, 1))
    files = {f"{c}/{i}.png": data for c in "ab" for i in range(2)}
    for augmentation in AUGMENTATIONS.values():
        loader = loader_of(files, augmentation)
        ((images, _),) = made(loader, [batch([0, 1], height=32, width=32)])
        if not augmentation.erasing:
            assert (images == 9).all()
        assert images.shape == (2, 32, 32, 3)
    assert loader.skipped == {}
