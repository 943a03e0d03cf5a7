"""Files that are complete or not there."""

import pathlib

import pytest

from keras_mobilevit.atomic_files import atomic_folder, atomic_write


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


@pytest.mark.parametrize("exists", [False, True])
def test_atomic_folder(tmp_path, exists, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = pathlib.Path("new", "folder")
    if exists:
        path.mkdir(parents=True)
    with atomic_folder(path) as folder:
        (folder / "a.bin").write_bytes(b"one")
        assert not (path / "a.bin").exists()
    assert (path / "a.bin").read_bytes() == b"one"
    assert list(path.parent.iterdir()) == [path]


def test_atomic_folder_leaves_nothing_when_the_block_raises(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with atomic_folder(tmp_path / "folder") as folder:
            (folder / "a.bin").write_bytes(b"one")
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_atomic_folder_replaces_nothing(tmp_path, kind):
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
        target = target / "inside"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="Expected a new or empty folder"):
        with atomic_folder(tmp_path / "target"):
            pass
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "target"]
