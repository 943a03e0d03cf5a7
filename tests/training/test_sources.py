"""Sources: every kind gives the same images, and bad ones say so."""

import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from image_files import encode, gradient, plain, write_folder, write_tar
from PIL import Image

from keras_mobilevit.training.sources import open_source

PICTURES = {
    "cat/2.png": plain(20),
    "cat/10.png": plain(10),
    "ant/b.jpg": plain(30),
    "ant/a.png": gradient(6, 9),
    "bee/x.webp": plain(50),
    "bee/y.bmp": plain(40),
}
# Sorted by name; "10" comes before "2".
NAMES = ["ant/a.png", "ant/b.jpg", "bee/x.webp", "bee/y.bmp"]
NAMES += ["cat/10.png", "cat/2.png"]
KINDS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}


def encoded(pictures):
    return {
        name: encode(image, KINDS["." + name.rpartition(".")[2]])
        for name, image in pictures.items()
    }


def write_tars(path, files):
    """Writes every second file to one of two tars in a folder."""
    path.mkdir()
    for number in range(2):
        part = dict(list(files.items())[number::2])
        write_tar(path / f"{number}.tar", part)
    return path


@pytest.fixture(params=["folder", "a.tar", "deep folder", "deep.tar", "tars"])
def write(request, tmp_path):
    """Writes files to a folder or to tars; returns its path and the prefix."""
    prefix = "some/where/" if "deep" in request.param else ""
    function = write_tar if request.param.endswith(".tar") else write_folder
    if request.param == "tars":
        function = write_tars

    def write(files):
        files = {prefix + name: data for name, data in files.items()}
        return function(tmp_path / request.param, files), prefix

    return write


# === Folders and tars ===


def test_a_part_is_spread_over_all():
    images = np.zeros((10, 8, 8, 3), np.uint8)
    source = open_source((images, np.arange(10) // 5))
    part = source.take_evenly(6)
    assert part.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert part.names[3] == "image 5" and part.open(3).size == (8, 8)
    # More than there are would be images twice.
    assert len(source.take_evenly(20)) == 10


def test_files(write):
    files = {**encoded(PICTURES), "ant/notes.txt": b"no picture"}
    path, prefix = write(files)
    source = open_source(path)
    assert source.class_names == ("ant", "bee", "cat")
    assert source.labels.dtype == np.int64
    assert source.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert list(source.names) == [prefix + name for name in NAMES]
    assert len(source) == 6
    for index, name in enumerate(NAMES):
        image = source.open(index)
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), PICTURES[name])


def test_a_path_may_be_text(tmp_path):
    path = write_folder(tmp_path / "a", encoded(PICTURES))
    assert len(open_source(str(path))) == 6


def test_class_names_set_the_labels(write):
    path, _ = write(encoded(PICTURES))
    source = open_source(path, ["cat", "dog", "bee", "ant"])
    assert source.class_names == ("cat", "dog", "bee", "ant")
    assert source.labels.tolist() == [3, 3, 2, 2, 0, 0]


def test_one_folder_of_several_classes_is_enough(write):
    files = {f"bee/{i}.png": encode(plain(i)) for i in range(2)}
    source = open_source(write(files)[0], ["ant", "bee"])
    assert source.labels.tolist() == [1, 1]


def test_a_tar_is_read_from_many_threads(tmp_path):
    files = {
        f"{'ab'[i % 2]}/{i:02}.png": encode(plain(i, 4 + i, 5))
        for i in range(40)
    }
    source = open_source(write_tar(tmp_path / "a.tar", files))
    indices = np.random.default_rng(0).permutation(400) % 40
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(source.open, indices.tolist()))
    for index, image in zip(indices, images, strict=True):
        value = int(source.names[index][2:4])
        expected = plain(value, 4 + value, 5)
        np.testing.assert_array_equal(np.asarray(image), expected)


def test_tars_beside_class_folders_are_not_read(tmp_path):
    path = write_folder(tmp_path / "a", encoded(PICTURES))
    write_tar(path / "more.tar", {"dog/0.png": encode(plain(1))})
    assert open_source(path).class_names == ("ant", "bee", "cat")


def test_one_name_in_two_tars(tmp_path):
    """Unpacked, one of them would be lost."""
    files = {f"{name}/0.png": encode(plain(1)) for name in ("ant", "bee")}
    others = {"notes.txt": b"", "ant/._0.jpg": b"", "bee/1.png": b""}
    write_tar(tmp_path / "0.tar", {**files, **others})
    write_tar(tmp_path / "1.tar", {**files, **others})
    message = "Several tars of .* hold ant/0.png, bee/0.png, bee/1.png. Rename"
    with pytest.raises(ValueError, match=message):
        open_source(tmp_path)


def test_what_is_no_image_may_be_in_several_tars(tmp_path):
    others = {"notes.txt": b"", "ant/._0.jpg": b"", "ant/.DS_Store": b""}
    for number, name in enumerate(("ant", "bee")):
        files = {f"{name}/{i}.png": encode(plain(i)) for i in range(2)}
        write_tar(tmp_path / f"{number}.tar", {**files, **others})
    assert open_source(tmp_path).labels.tolist() == [0, 0, 1, 1]


def test_one_name_twice_in_a_tar(tmp_path):
    """The last one counts, as when it is unpacked."""
    path = write_tar(tmp_path / "a.tar", encoded(PICTURES))
    write_tar(path, {"ant/a.png": encode(plain(99))}, "a")
    source = open_source(path)
    assert list(source.names) == NAMES
    assert np.asarray(source.open(0)).max() == 99
    assert np.asarray(source.open(5)).max() == 20


def test_one_of_several_tars_is_compressed(tmp_path):
    write_tar(tmp_path / "0.tar", encoded(PICTURES))
    write_tar(tmp_path / "1.tar", {"ant/c.png": encode(plain(1))}, "w:gz")
    with pytest.raises(ValueError, match="1.tar is a compressed tar"):
        open_source(tmp_path)


def test_a_class_that_leads_out_of_the_folder(tmp_path):
    files = {f"a/../{i}.png": encode(plain(i)) for i in range(2)}
    path = write_tar(tmp_path / "a.tar", files)
    with pytest.raises(ValueError, match="a folder that names its class"):
        open_source(path)


def test_names_are_a_sequence(tmp_path):
    source = open_source(write_folder(tmp_path / "a", encoded(PICTURES)))
    names = source.names
    assert names[0] == NAMES[0] and names[-1] == NAMES[-1]
    assert names[np.int64(2)] == NAMES[2] and names[1:4] == NAMES[1:4]
    assert NAMES[3] in names and names.index(NAMES[4]) == 4
    with pytest.raises(IndexError):
        names[len(NAMES)]


def test_what_is_no_image_is_found_when_opened(write):
    path, prefix = write({**encoded(PICTURES), "ant/a.png": b"no picture"})
    source = open_source(path)
    with pytest.raises(ValueError, match="Not a readable picture"):
        source.open(0)
    assert np.asarray(source.open(3)).max() == 40


def test_a_file_that_vanished(tmp_path):
    source = open_source(write_folder(tmp_path / "a", encoded(PICTURES)))
    (tmp_path / "a" / NAMES[2]).unlink()
    with pytest.raises(FileNotFoundError, match="x.webp"):
        source.open(2)


def test_surplus_folders(write):
    path, _ = write(encoded(PICTURES))
    with pytest.raises(ValueError, match="none of the 2 classes: ant, cat"):
        open_source(path, ["bee", "dog"])


def test_images_without_a_class(write):
    path, prefix = write({**encoded(PICTURES), "a.png": b"", "b.png": b""})
    if prefix:
        # There they have one: "where" beside "ant", "bee" and "cat".
        message = f"holds several: some, {prefix[:-1]}"
    else:
        message = "at the top level of .*: a.png, b.png"
    with pytest.raises(ValueError, match=message):
        open_source(path)


@pytest.mark.parametrize("ending", ["heic", "gif", "TIFF"])
def test_a_class_of_unreadable_formats_is_not_lost(write, ending):
    files = {
        **encoded(PICTURES),
        f"dog/0.{ending}": b"",
        f"dog/1.{ending}": b"",
    }
    path, prefix = write(files)
    message = f"1 class folder of .* lost: {prefix}dog. .*{ending.lower()}'"
    with (
        pytest.warns(UserWarning, match="Left out 2 pictures"),
        pytest.raises(ValueError, match=message),
    ):
        open_source(path)


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_an_empty_class_folder_is_told(tmp_path, kind):
    """It would shift the labels of all classes behind it."""
    path = write_folder(tmp_path / "a", encoded(PICTURES))
    for name in ("dog", "eel", ".git"):
        (path / name).mkdir()
    (path / "eel" / ".DS_Store").touch()
    if kind == "tar":
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.add(path, ".")
        path = tmp_path / "a.tar"
    with pytest.warns(UserWarning, match="No class of .*: dog, eel$"):
        source = open_source(path)
    assert source.class_names == ("ant", "bee", "cat")


def test_a_folder_without_images_is_told(write):
    path, prefix = write({**encoded(PICTURES), "dog/notes.txt": b""})
    with pytest.warns(UserWarning, match=f"No class of .*: {prefix}dog$"):
        source = open_source(path)
    assert source.class_names == ("ant", "bee", "cat")


def test_hidden_folders_are_no_classes(write):
    files = encoded(PICTURES)
    hidden = {
        ".ipynb_checkpoints/0.png": b"",
        "ant/._0.jpg": b"",
        "__MACOSX/ant/._0.jpg": b"",
    }
    source = open_source(write({**files, **hidden})[0])
    assert source.class_names == ("ant", "bee", "cat")
    assert len(source) == len(files)


def test_splits_side_by_side(write):
    """Train and test folders are not one set of images."""
    files = encoded(PICTURES)
    files = {
        f"{split}/{name}": data
        for split in ("train", "test")
        for name, data in files.items()
    }
    path, prefix = write(files)
    message = f"holds several: {prefix}test, {prefix}train. Name one"
    with pytest.raises(ValueError, match=message):
        open_source(path)


@pytest.mark.parametrize("files", [{}, {"ant/a.txt": b"", "bee/b.txt": b""}])
def test_no_image(write, files):
    with pytest.raises(ValueError, match="holds no picture"):
        open_source(write(files)[0])


def test_no_such_path(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder or tar .*/none"):
        open_source(tmp_path / "none")


def test_a_file_that_is_no_tar(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"no tar " * 200)
    with pytest.raises(ValueError, match="a file that is no tar"):
        open_source(tmp_path / "a.tar")


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_compressed_tar(tmp_path, kind):
    files = encoded(PICTURES)
    path = write_tar(tmp_path / f"a.tar.{kind}", files, f"w:{kind}")
    with pytest.raises(ValueError, match="compressed tar.*Decompress"):
        open_source(path)


def test_one_class(write):
    files = {f"ant/{i}.png": encode(plain(i)) for i in range(3)}
    path, _ = write(files)
    with pytest.raises(ValueError, match="at least two classes.*: ant$"):
        open_source(path)
    with pytest.raises(ValueError, match="at least two classes.*: ant$"):
        open_source(path, ["ant"])


@pytest.mark.parametrize("label", [0, 1])
def test_one_label(label):
    """Nothing can be learned from images that are all of one class."""
    pairs = [(image, label) for image in ARRAYS]
    with pytest.raises(ValueError, match=f"two classes.* the label {label}, "):
        open_source(pairs)
    # Test images of one class are fine.
    assert len(open_source(pairs, ["ant", "bee"])) == len(ARRAYS)


def test_classes_of_one_image(write):
    files = encoded(PICTURES)
    del files["bee/y.bmp"], files["cat/2.png"]
    with pytest.warns(UserWarning, match="only one image in .* of: bee, cat$"):
        source = open_source(write(files)[0])
    assert source.labels.tolist() == [0, 0, 1, 2]


def test_class_names_that_repeat(write):
    path, _ = write(encoded(PICTURES))
    with pytest.raises(ValueError, match="must differ"):
        open_source(path, ["ant", "bee", "cat", "ant"])


# === Sequences and arrays ===

ARRAYS = [plain(10), gradient(6, 9), plain(30), plain(40)]
LABELS = [2, 0, 2, 0]


class Items:
    """What datasets of other libraries have in common."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def assert_is_arrays(source, images=ARRAYS):
    assert len(source) == len(images)
    assert source.labels.dtype == np.int64
    assert source.labels.tolist() == LABELS
    for index, expected in enumerate(images):
        image = source.open(index)
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), expected)


PAIRS = list(zip(ARRAYS, LABELS, strict=True))


@pytest.mark.parametrize(
    "items",
    [
        PAIRS,
        tuple(PAIRS),
        [[image, np.int64(label)] for image, label in PAIRS],
        [(image, np.array([label])) for image, label in PAIRS],
        [(Image.fromarray(image), label) for image, label in PAIRS],
        [{"image": x, "label": y, "id": 7} for x, y in PAIRS],
        Items(PAIRS),
    ],
    ids=["list", "tuple", "lists", "array", "pillow", "dict", "class"],
)
def test_sequences(items):
    source = open_source(items)
    assert source.class_names == ("0", "1", "2")
    assert_is_arrays(source)
    assert source.names[3] == "image 3"


def test_a_sequence_of_two_images_is_no_pair_of_arrays():
    with pytest.warns(UserWarning, match="only one image .*: 0, 1"):
        source = open_source(((ARRAYS[0], 1), (ARRAYS[1], 0)))
    assert source.labels.tolist() == [1, 0]


def test_names_for_a_sequence():
    source = open_source(PAIRS, ["ant", "bee", "cat", "dog"])
    assert source.class_names == ("ant", "bee", "cat", "dog")
    assert_is_arrays(source)


@pytest.mark.parametrize(
    "labels", [LABELS, np.array(LABELS), np.uint8(LABELS).reshape(4, 1)]
)
def test_a_pair_of_arrays(labels):
    images = np.stack([plain(value) for value in (1, 2, 3, 4)])
    assert_is_arrays(open_source((images, labels)), images)


def test_grey_and_transparent_arrays():
    grey = gradient(6, 9)[..., 0]
    transparent = np.dstack([gradient(6, 9), grey])
    items = [(grey, 2), (grey[..., None], 0), (transparent, 2), (grey, 0)]
    expected = np.stack([grey] * 3, axis=-1)
    images = [expected, expected, gradient(6, 9), expected]
    assert_is_arrays(open_source(items), images)


def test_an_image_that_its_data_set_fails_to_read():
    class Failing(Items):
        reads = 0

        def __getitem__(self, index):
            self.reads += 1
            if self.reads > len(self):
                raise RuntimeError("no disk")
            return super().__getitem__(index)

    source = open_source(Failing(PAIRS))
    with pytest.raises(ValueError, match=r"image 2 \(no disk\)"):
        source.open(2)


@pytest.mark.parametrize(
    ("items", "names", "message"),
    [
        ([], None, "Received none"),
        (iter(PAIRS), None, "Received: list_iterator"),
        (7, None, "Received: int"),
        ([ARRAYS[0]], None, "Expected .image, label.*Received: ndarray"),
        ([{"img": 1, "label": 0}], None, r"Received: \['img', 'label'\]"),
        ([(ARRAYS[0], 0, 1)], None, "Received: tuple"),
        ([(ARRAYS[0], 0.5)], None, "one integer.*image 0: 0.5"),
        ([(ARRAYS[0], -1)], None, "at least 0.*image 0: -1"),
        ([(ARRAYS[0], [0, 1])], None, r"one integer.*image 0: \[0, 1\]"),
        (PAIRS, ["ant", "bee"], r"2 classes must be in \[0, 1\].*: 2"),
        ([(ARRAYS[0], 10**9)] * 2, None, "beyond the 2 images"),
        ([(ARRAYS[0], 0)] * 2, None, "at least two classes.* the label 0,"),
        ([(ARRAYS[0] / 255, 0)], None, "Received: float64 of shape"),
        ([(np.stack(ARRAYS[2:]), 0)], None, r"uint8 of shape \(2, 8, 8, 3\)"),
        ((np.stack(ARRAYS[2:]), np.arange(3)), None, "2 images, 3 labels"),
        ((np.ones((2, 8, 8, 3)), np.arange(2)), None, "Received: float64"),
    ],
)
def test_bad_sequences(items, names, message):
    with pytest.raises(ValueError, match=message):
        open_source(items, names)


# === tf.data ===


def dataset(images, labels):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_generator(
        lambda: zip(images, labels, strict=True),
        output_signature=(
            tf.TensorSpec((None, None, 3)),
            tf.TensorSpec((), "int64"),
        ),
    )


def test_tf_data():
    """Of several sizes, and floats as Keras's own loaders make them."""
    assert_is_arrays(open_source(dataset(ARRAYS, LABELS)))


def test_tf_data_of_integers_and_dicts():
    tf = pytest.importorskip("tensorflow")
    images = [plain(value) for value in (1, 2, 3, 4)]
    slices = tf.data.Dataset.from_tensor_slices((np.stack(images), LABELS))
    assert_is_arrays(open_source(slices), images)
    slices = slices.map(lambda x, y: {"image": x, "label": y})
    assert_is_arrays(open_source(slices), images)


def test_tf_data_is_rounded():
    images = [plain(10) + 0.4, plain(10) + 0.6, plain(0) + 0.2, plain(255) + 0]
    source = open_source(dataset(images, LABELS))
    values = [np.asarray(source.open(i)).max() for i in range(4)]
    assert values == [10, 11, 0, 255]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.repeat(), "repeats for ever"),
        (lambda d: d.take(0), "Received none"),
        (lambda d: d.map(lambda x, y: x), "Expected .image, label"),
        (lambda d: d.map(lambda x, y: (x / 255, y)), "none above 1"),
        (lambda d: d.map(lambda x, y: (x - 99, y)), r"values in \[-89, -89\]"),
        (lambda d: d.map(lambda x, y: (x + float("nan"), y)), "nan"),
        (lambda d: d.take(1).batch(1), r"shape \(1, 8, 8, 3\)"),
    ],
)
def test_bad_tf_data(change, message):
    slices = dataset(ARRAYS, LABELS)
    with pytest.raises(ValueError, match=message):
        open_source(change(slices))
