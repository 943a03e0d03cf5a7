"""Files of class names, as different editors write them."""

import pytest

from keras_mobilevit.label_files import read_label_file

NAMES = ("ant", "bumble bee", "käfer")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "ant\nbumble bee\nkäfer",
        "ant\nbumble bee\nkäfer\n",
        "ant\r\nbumble bee \r\nkäfer\r\n\r\n",
        "ant\rbumble bee\rkäfer\r",
        "ant\nbumble bee\nkäfer\n \n\n",
    ],
)
def test_what_does_not_matter(text, encoding, tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes(text.encode(encoding))
    assert read_label_file(path) == NAMES


def test_latin_1_is_told(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("ant\nbumble bee\nkäfer\n".encode("latin-1"))
    with pytest.warns(UserWarning, match="labels.txt is not UTF-8"):
        assert read_label_file(path) == NAMES


@pytest.mark.parametrize(
    ("text", "received"),
    [("", "none"), (" \n\n", "none"), ("ant\n\nbee\n", "a blank line 2")],
)
def test_names_that_are_lacking(text, received, tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"labels.txt. Received: {received}"):
        read_label_file(path)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="one a line.* not there"):
        read_label_file(tmp_path / "labels.txt")
