"""Folders and tar archives of pictures."""

import io
import pathlib
import tarfile
from collections import Counter

import numpy as np
import pytest
from image_files import write_folder, write_tar

from keras_mobilevit.image_folders import (
    LabelledFile,
    iterate_files,
    list_files,
    load_readable,
    take_evenly,
)

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
