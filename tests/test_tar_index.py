"""The index of a tar is what `tarfile` finds in it."""

import io
import tarfile

import pytest
from image_files import write_tar

from keras_mobilevit.tar_index import index_tar

LONG = "folder" * 30 + "/" + "name" * 30 + ".jpg"
FORMATS = {
    "gnu": tarfile.GNU_FORMAT,
    "pax": tarfile.PAX_FORMAT,
    "ustar": tarfile.USTAR_FORMAT,
}


def member(name, size=0, kind=tarfile.REGTYPE, **fields):
    found = tarfile.TarInfo(name)
    found.size, found.type = size, kind
    for field, value in fields.items():
        setattr(found, field, value)
    return found


MEMBERS = [
    member("cat", kind=tarfile.DIRTYPE),
    member("cat/0.jpg", 3),
    member("./dog/1.jpg", 512),
    member("dog/empty.jpg"),
    member("dog/1.jpg", 513, mtime=1.5),
    member("cat/link.jpg", kind=tarfile.SYMTYPE, linkname="0.jpg"),
    member("cat/hard.jpg", kind=tarfile.LNKTYPE, linkname="cat/0.jpg"),
    member("cat/old.jpg", 4, kind=tarfile.AREGTYPE),
    member("fifo", kind=tarfile.FIFOTYPE),
    member("d" * 90 + "/" + "f" * 90, 7),
    member("ümlaut/ß.jpg", 5, uname="ü"),
]


def write(path, members, mode="w", **options):
    with tarfile.open(path, mode, **options) as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def assert_is_what_tarfile_finds(path):
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    files = [found for found in members if found.isfile()]
    index = index_tar(path)
    assert index.names == [found.name for found in files]
    assert list(index.offsets) == [found.offset_data for found in files]
    assert list(index.sizes) == [found.size for found in files]
    assert index.folders == [found.name for found in members if found.isdir()]
    return index


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format(tmp_path, kind):
    # A name as long as this does not fit into the oldest format.
    extra = [] if kind == "ustar" else [member(LONG, 9)]
    path = write(tmp_path / "a.tar", [*MEMBERS, *extra], format=FORMATS[kind])
    index = assert_is_what_tarfile_finds(path)
    assert len(index.names) == 7 + len(extra)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_compressed(tmp_path, mode):
    path = write(tmp_path / "a.tar", MEMBERS, mode)
    assert_is_what_tarfile_finds(path)


def test_names_that_are_not_utf_8(tmp_path):
    """As old archivers wrote them; they come back as the same bytes."""
    path = write(
        tmp_path / "a.tar",
        [member("a/\udcfc.jpg", 1)],
        format=tarfile.GNU_FORMAT,
        errors="surrogateescape",
    )
    assert b"a/\xfc.jpg" in path.read_bytes()
    assert assert_is_what_tarfile_finds(path).names == ["a/\udcfc.jpg"]


def test_sizes_in_binary(tmp_path):
    """As GNU tar writes those from 8 GiB on."""
    path = write(tmp_path / "a.tar", [member("a/0.jpg", 5)])
    data = bytearray(path.read_bytes())
    data[124:136] = b"\x80" + bytes(10) + b"\x05"
    _renew_checksum(data)
    path.write_bytes(data)
    index = assert_is_what_tarfile_finds(path)
    assert list(index.sizes) == [5]


def test_an_empty_tar(tmp_path):
    assert index_tar(write(tmp_path / "a.tar", [])).names == []


def test_what_follows_the_end_does_not_count(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"a/0.jpg": b"one"})
    path.write_bytes(path.read_bytes() + b"more" * 1000)
    assert assert_is_what_tarfile_finds(path).names == ["a/0.jpg"]


def _renew_checksum(data, offset=0):
    header = data[offset : offset + 512]
    header[148:156] = b" " * 8
    data[offset + 148 : offset + 156] = b"%06o\0 " % sum(header)


@pytest.mark.parametrize("size", [b"-0000001000\0", b"\xff" * 12])
def test_sizes_below_0_end_in_an_error(tmp_path, size):
    """They lead back to the same header, or to one before it."""
    path = write(tmp_path / "a.tar", [member("a/0.jpg", 600)] * 2)
    data = bytearray(path.read_bytes())
    data[1536 + 124 : 1536 + 136] = size
    _renew_checksum(data, 1536)
    path.write_bytes(data)
    with pytest.raises((tarfile.TarError, ValueError)):
        index_tar(path)


@pytest.mark.parametrize("place", [1536, 1536 + 100, 1536 + 150])
def test_a_damaged_header_is_not_the_end(tmp_path, place):
    """`tarfile` would leave out the rest."""
    path = write(tmp_path / "a.tar", [member("a/0.jpg", 600)] * 3)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with tarfile.open(path) as tar:
        assert len(tar.getmembers()) == 1
    with pytest.raises(tarfile.TarError):
        index_tar(path)


@pytest.mark.parametrize("length", [700, 1536, 1700])
def test_a_cut_tar(tmp_path, length):
    path = write(tmp_path / "a.tar", [member("a/0.jpg", 600)] * 2)
    path.write_bytes(path.read_bytes()[:length])
    if length == 1536:
        # Between two files; the blocks at the end may be missing.
        assert index_tar(path).names == ["a/0.jpg"]
    else:
        with pytest.raises(tarfile.TarError):
            index_tar(path)
