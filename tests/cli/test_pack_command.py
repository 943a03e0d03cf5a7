"""`keras-mobilevit pack`: a folder in, shards out, or an error in one line."""

import pytest
from image_files import encode, plain, write_folder

from keras_mobilevit.training.sources import open_source


@pytest.fixture
def folder(tmp_path):
    files = {f"{'ab'[i % 2]}/{i}.png": encode(plain(10 * i)) for i in range(8)}
    return write_folder(tmp_path / "folder", files)


def test_pack(command, folder, tmp_path, capsys):
    out = tmp_path / "new" / "shards"
    assert command("pack", folder, "--out", out, "--shards", 3) == 0
    printed = capsys.readouterr()
    size = sum(path.stat().st_size for path in folder.rglob("*.png"))
    assert printed.out == (
        f"wrote 8 images of 2 classes, {size / 1e6:,.1f} MB, into {out} "
        "(3 shards)\n"
    )
    assert printed.err == ""
    assert len(open_source(out)) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shards", 0], "error: Expected 1 to 8 shards"),
        (["--shards", 9], "error: Expected 1 to 8 shards"),
    ],
)
def test_numbers_of_shards(command, folder, tmp_path, options, message, capsys):
    out = tmp_path / "shards"
    assert command("pack", folder, "--out", out, *options) == 1
    error = capsys.readouterr().err
    assert error.startswith(message) and error.count("\n") == 1
    assert not out.exists()


def test_nothing_is_replaced(command, folder, tmp_path, capsys):
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "mine.txt").write_text("mine")
    assert command("pack", folder, "--out", tmp_path / "shards") == 1
    assert "error: Expected a new or empty folder" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "shards").iterdir()] == ["mine.txt"]


def test_no_such_folder(command, tmp_path, capsys):
    argv = ("pack", tmp_path / "none", "--out", tmp_path / "shards")
    assert command(*argv) == 1
    assert "error: There is no folder or tar" in capsys.readouterr().err
