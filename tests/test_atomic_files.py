"""Files that are complete or not there."""

import pathlib

import pytest

from keras_mobilevit.atomic_files import atomic_write


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
