"""Shards hold what the folder holds; damaged ones say so."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from image_files import encode, gradient, plain, write_folder, write_tar

from keras_mobilevit.image_folders import MAX_FILE_BYTES, list_files
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training import packing
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.packing import Packed, pack
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.sampler import Batch
from keras_mobilevit.training.shards import INDEX
from keras_mobilevit.training.sources import open_source

FILES = {
    "cat/2.png": encode(plain(20)),
    "cat/10.png": encode(plain(10)),
    "ant/b.jpg": encode(gradient(30, 40), "JPEG"),
    "ant/ä b.PNG": encode(gradient(6, 9)),
    "bee/x.webp": encode(plain(50), "WEBP"),
    "bee/y.bmp": encode(plain(40), "BMP"),
    "bee/no picture.png": b"",
}
SORTED = sorted(FILES)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "folder", FILES)


@pytest.fixture
def shards(folder, tmp_path):
    pack(folder, tmp_path / "shards", shards=3)
    return tmp_path / "shards"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# === Packing and opening ===


@pytest.mark.parametrize("count", [1, 3, 7])
@pytest.mark.parametrize("kind", ["folder", "tar", "deep tar", "tars"])
def test_shards_hold_what_the_folder_holds(folder, tmp_path, kind, count):
    source = folder
    if kind == "tars":
        source = tmp_path / "tars"
        source.mkdir()
        for name in ("ant", "bee", "cat"):
            part = {n: d for n, d in FILES.items() if n.startswith(name)}
            write_tar(source / f"{name}.tar", part)
    elif kind != "folder":
        prefix = "some/where/" if kind == "deep tar" else ""
        files = {prefix + name: data for name, data in FILES.items()}
        source = write_tar(tmp_path / "a.tar", files)
    packed = pack(source, tmp_path / "out", shards=count)
    size = sum(map(len, FILES.values()))
    assert packed == Packed(shards=count, images=7, classes=3, bytes=size)
    opened, expected = open_source(tmp_path / "out"), open_source(folder)
    assert opened.class_names == expected.class_names == ("ant", "bee", "cat")
    assert opened.labels.dtype == np.int64
    assert opened.labels.tolist() == expected.labels.tolist()
    assert list(opened.names) == list(expected.names) == SORTED
    assert [opened.read.data(i) for i in range(7)] == [
        FILES[name] for name in SORTED
    ]
    for index, name in enumerate(SORTED):
        if FILES[name]:
            np.testing.assert_array_equal(
                np.asarray(opened.open(index)),
                np.asarray(expected.open(index)),
            )


def test_shards_are_tars_that_anything_reads(shards, tmp_path):
    for number in range(3):
        path = shards / f"images-{number:05}-of-00003.tar"
        with tarfile.open(path, "r:") as tar:
            names = tar.getnames()
            for name in names:
                assert tar.extractfile(name).read() == FILES[name]
        # Every third image, so that each tar has a part of every class.
        assert names == SORTED[number::3]
        assert path.stat().st_size % 10_240 == 0
        # Calibration and evaluation take them as they are.
        assert list_files(path) == names
    assert len(list(shards.iterdir())) == 3 + 1
    # And without the index, they are a folder of tars.
    (shards / INDEX).unlink()
    opened = open_source(shards)
    assert list(opened.names) == SORTED
    assert [opened.read.data(i) for i in range(7)] == [
        FILES[name] for name in SORTED
    ]


def test_equal_images_give_equal_shards(folder, shards, tmp_path):
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    pack(folder, tmp_path / "again", shards=3)
    assert contents(tmp_path / "again") == contents(shards)
    # Shards can be packed again, too.
    pack(shards, tmp_path / "others", shards=2)
    pack(tmp_path / "others", tmp_path / "back", shards=3)
    assert contents(tmp_path / "back") == contents(shards)


def test_the_number_of_shards(folder, tmp_path, monkeypatch):
    assert pack(folder, tmp_path / "one").shards == 1
    monkeypatch.setattr(packing, "IMAGES_PER_SHARD", 3)
    assert pack(folder, tmp_path / "three").shards == 3
    for count in (0, 8):
        with pytest.raises(ValueError, match=f"1 to 7 shards.*={count}"):
            pack(folder, tmp_path / "a", shards=count)
    assert not (tmp_path / "a").exists()


def test_batches_are_those_of_the_folder(folder, shards):
    """Hence a run from shards ends at the weights of one from the folder."""
    plan = [Batch(8, 8, np.array([[0, 2, 4], [6, 1, 3]]))]
    results = []
    for path in (folder, shards):
        loader = BatchLoader(
            open_source(path), Augmentation(), ImageSpec(), seed=7
        )
        with pytest.warns(UserWarning, match="Skipped bee/no picture.png"):
            results.append(list(loader.batches(plan, epoch=1)))
    ((images, targets),), ((expected, expected_targets),) = results
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(targets, expected_targets)


def test_class_names_set_the_labels(shards):
    source = open_source(shards, ["cat", "dog", "bee", "ant"])
    assert source.labels.tolist() == [3, 3, 2, 2, 2, 0, 0]
    with pytest.raises(ValueError, match="none of the 2 classes: ant, cat"):
        open_source(shards, ["bee", "dog"])


def test_shards_are_read_from_many_threads(shards):
    source = open_source(shards)
    indices = np.random.default_rng(0).integers(0, 7, 400).tolist()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(source.read.data, indices))
    assert found == [FILES[SORTED[index]] for index in indices]


READ = """
import pickle, sys
source = pickle.load(sys.stdin.buffer)
pixels = source.open(0)
heavy = {"keras", "tensorflow", "jax", "torch"} & set(sys.modules)
print(source.names[0], pixels.size, len(source), sorted(heavy))
"""


@pytest.mark.parametrize("kind", ["folder", "shards", "part", "arrays"])
def test_other_processes_get_sources_by_pickle(folder, shards, kind):
    """Without Keras, which would cost them time and memory."""
    if kind == "arrays":
        images = np.zeros((4, 6, 9, 3), np.uint8)
        source = open_source((images, [0, 0, 1, 1]))
        expected = "image 0 (9, 6) 4 []"
    else:
        source = open_source(folder if kind == "folder" else shards)
        expected = "ant/b.jpg (40, 30) 7 []"
    if kind == "part":
        source, expected = source.take_evenly(2), "ant/b.jpg (40, 30) 2 []"
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=pickle.dumps(source),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.decode().strip() == expected, done.stderr.decode()


# === What can not be packed ===


def test_the_folder_must_be_new_or_empty(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    pack(folder, tmp_path / "empty")
    before = contents(tmp_path / "empty")
    with pytest.raises(FileExistsError, match="new or empty.*/empty"):
        pack(folder, tmp_path / "empty", shards=2)
    assert contents(tmp_path / "empty") == before


@pytest.mark.parametrize("out", [".", "shards", "cat/shards"])
def test_shards_are_not_written_among_the_images(folder, out):
    with pytest.raises(ValueError, match="not be inside of .*folder"):
        pack(folder, folder / out)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("ant", "bee", "cat"),
    ]


def test_a_file_too_large_is_named(folder, tmp_path):
    with open(folder / "cat" / "2.png", "ab") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ValueError, match="cat/2.png must have at most"):
        pack(folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_cut_off_pack_leaves_nothing(folder, tmp_path, monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr(packing, "write_index", fail)
    with pytest.raises(type(error)):
        pack(folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


SLOW_PACK = """
import sys, time
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training import packing
append = packing._append
def slow(*args):
    append(*args)
    print("packed one", flush=True)
    time.sleep(0.2)
packing._append = slow
packing.pack(sys.argv[1], sys.argv[2], shards=2)
"""


def test_a_killed_pack_leaves_nothing_that_looks_complete(folder, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_PACK, folder, tmp_path / "out"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout.readline() == b"packed one\n"
        process.send_signal(signal.SIGKILL)
    left = {path.name for path in tmp_path.iterdir()} - {"folder"}
    assert left == {f".out.{process.pid}.part"}
    with pytest.raises(FileNotFoundError):
        open_source(tmp_path / "out")
    # What is left is in nobody's way.
    pack(folder, tmp_path / "out")
    assert len(open_source(tmp_path / "out")) == 7


# === Damaged and hostile shards ===


def read_index(folder):
    header, _, body = (folder / INDEX).read_bytes().partition(b"\n")
    return json.loads(header), bytearray(body[:-32])


def write_index(folder, header, body):
    """With the hash that fits, as who means harm would."""
    data = json.dumps(header).encode() + b"\n" + body
    (folder / INDEX).write_bytes(data + hashlib.sha256(data).digest())


def test_the_index_is_as_documented(shards):
    header, body = read_index(shards)
    names = "".join(SORTED).encode()
    assert header["format"] == "keras-mobilevit shards"
    assert (header["version"], header["images"]) == (1, 7)
    assert header["class_names"] == ["ant", "bee", "cat"]
    assert header["tars"] == [
        [path.name, path.stat().st_size]
        for path in sorted(shards.glob("*.tar"))
    ]
    assert header["name_bytes"] == len(names) and body.endswith(names)
    data = (shards / INDEX).read_bytes()
    assert data[-32:] == hashlib.sha256(data[:-32]).digest()
    offsets, ends = np.frombuffer(body, "<i8", 14).reshape(2, 7)
    sizes, sums, labels = np.frombuffer(body, "<u4", 21, 112).reshape(3, 7)
    assert offsets[:4].tolist() == [
        512,
        512,
        512,
        512 + 512 * (1 + -(-len(FILES[SORTED[0]]) // 512)),
    ]
    assert (
        ends.tolist()
        == np.cumsum([len(name.encode()) for name in SORTED]).tolist()
    )
    assert sizes.tolist() == [len(FILES[name]) for name in SORTED]
    assert sums.tolist() == [zlib.crc32(FILES[name]) for name in SORTED]
    assert labels.tolist() == [0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no index",
        b"{}\n",
        b"[" * 100_000,
        b'{"format": "keras-mobilevit shards"}\n',
        b'{"format": "keras-mobilevit shards", "version": 2}\n',
        b'{"format": "keras-mobilevit shards", "version": 1, "images": 1e9}\n',
        b'{"images": ' + b"9" * 5000 + b"}\n",
    ],
)
def test_what_is_no_index(shards, data):
    (shards / INDEX).write_bytes(data)
    with pytest.raises(ValueError, match="no index of shards, or damaged: "):
        open_source(shards)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "version 1 is expected, .* version 2"),
        ({"images": 8}, "bytes are expected"),
        ({"images": -1}, "no images"),
        ({"images": True}, "no images"),
        ({"images": 10**30}, "no images"),
        ({"name_bytes": 2**62}, "bytes are expected"),
        ({"class_names": ["ant", "bee"]}, "a label has no class"),
        ({"class_names": [1, 2, 3]}, "a class has no name"),
        ({"tars": []}, "names no tars"),
        ({"tars": [["a.tar"]]}, "names no tars"),
        ({"tars": [["../a.tar", 99]]}, "names no tars"),
        ({"tars": [["/etc/a.tar", 99]]}, "names no tars"),
        ({"tars": [["a.txt", 99]]}, "names no tars"),
        ({"tars": [["a.tar", 10**400]]}, "names no tars"),
        ({"tars": [["a.tar", 600]]}, "outside of its tar"),
    ],
)
def test_headers_that_lie(shards, change, reason):
    header, body = read_index(shards)
    write_index(shards, {**header, **change}, body)
    with pytest.raises(ValueError, match=reason):
        open_source(shards)


LOWEST, HIGHEST = -(2**63), 2**63 - 1


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, 10_240, "outside of its tar"),
        (0, -1, "outside of its tar"),
        (0, HIGHEST, "outside of its tar"),
        (7, -1, "names do not fit"),
        (8, LOWEST, "names do not fit"),
        (9, HIGHEST, "names do not fit"),
        (13, 0, "names do not fit"),
    ],
)
def test_places_that_lie(shards, place, value, reason):
    header, body = read_index(shards)
    np.frombuffer(body, "<i8", 14)[place] = value
    write_index(shards, header, body)
    with pytest.raises(ValueError, match=reason):
        open_source(shards)


def test_no_images(shards):
    header, _ = read_index(shards)
    write_index(shards, {**header, "images": 0, "name_bytes": 0}, b"")
    with pytest.raises(ValueError, match="it has no images"):
        open_source(shards)


def test_every_flipped_bit_of_the_index_is_noticed(shards):
    data = (shards / INDEX).read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 200).tolist():
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        (shards / INDEX).write_bytes(damaged)
        with pytest.raises(ValueError, match="no index of shards, or damaged"):
            open_source(shards)


@pytest.mark.parametrize("length", [0, 100, -200, -1])
def test_a_cut_index(shards, length):
    data = (shards / INDEX).read_bytes()
    (shards / INDEX).write_bytes(data[:length])
    with pytest.raises(ValueError, match="no index of shards, or damaged"):
        open_source(shards)


def test_a_missing_tar(shards):
    path = shards / "images-00001-of-00003.tar"
    source = open_source(shards)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="00001-of-00003.tar is miss"):
        open_source(shards)
    with pytest.raises(FileNotFoundError, match="00001-of-00003.tar"):
        source.open(1)
    assert source.open(0).size == (40, 30)


def test_a_cut_tar(shards):
    path = shards / "images-00001-of-00003.tar"
    source = open_source(shards)
    os.truncate(path, 520)
    with pytest.raises(ValueError, match=r"must have 10,240 bytes.*: 520\."):
        open_source(shards)
    with pytest.raises(ValueError, match="00001-of-00003.tar is not as it"):
        source.open(1)


def test_a_flipped_bit_of_an_image_is_noticed(shards):
    """Decoders would show other pixels, and no error."""
    path = shards / "images-00000-of-00003.tar"
    data = bytearray(path.read_bytes())
    data[512 + len(FILES["ant/b.jpg"]) - 20] ^= 4
    path.write_bytes(data)
    source = open_source(shards)
    with pytest.raises(ValueError, match="00000-of-00003.tar is not as it"):
        source.open(0)
    assert source.open(1).size == (9, 6)


def test_sizes_that_would_fill_the_memory(shards):
    """Of a file with holes, which takes no space on the disk."""
    header, body = read_index(shards)
    with open(shards / header["tars"][0][0], "ab") as file:
        file.truncate(2**33)
    header["tars"][0][1] = 2**33
    np.frombuffer(body, "<u4", 21, 112)[0] = 2**32 - 1
    write_index(shards, header, body)
    with pytest.raises(ValueError, match="at most 268,435,456 bytes"):
        open_source(shards).open(0)
