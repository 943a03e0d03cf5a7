"""Descriptions of models as members of zip archives.

A `.keras` file is such an archive; a `.tflite` file may have one behind its
flatbuffer, the place where TFLite keeps associated files.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator, Sequence

from keras_mobilevit.model_info import MAX_BYTES

MEMBER = "model_info.json"
# The earliest date that a zip can hold: the same input gives the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def add_member(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Writes a text into an open archive, not compressed, without a date."""
    archive.writestr(zipfile.ZipInfo(name, _DATE), text.encode())


def list_members(path: str | os.PathLike) -> list[str]:
    """Names of the members of an archive.

    Raises:
        ValueError: If the archive is damaged.
    """
    with _open(path) as archive:
        return archive.namelist()


def read_member(
    path: str | os.PathLike, name: str, max_bytes: int = MAX_BYTES
) -> bytes:
    """Reads one member of an archive, and verifies its checksum.

    Args:
        path: The archive.
        name: Name of a member that is there.
        max_bytes: Most bytes that it may have.

    Raises:
        ValueError: If the archive is damaged, or the member too large.
    """
    with _open(path) as archive:
        return _read(archive, name, max_bytes)


def read_members(path, names: Sequence[str]) -> dict[str, bytes]:
    """Reads the members of an archive that are there.

    Args:
        path: File of any kind, or an open one.
        names: Members to look for.

    Returns:
        Name -> content; empty for a file that is no archive.

    Raises:
        ValueError: If the archive is damaged, or a member too large.
    """
    if not zipfile.is_zipfile(path):
        return {}
    with _open(path) as archive:
        found = set(archive.namelist())
        return {
            name: _read(archive, name, MAX_BYTES)
            for name in names
            if name in found
        }


def verify_members(path: str | os.PathLike, max_bytes: int) -> None:
    """Reads all members of an archive, and verifies their checksums.

    Args:
        path: The archive.
        max_bytes: Most bytes that all members together may have.

    Raises:
        ValueError: If the archive is damaged, or too large.
    """
    with _open(path) as archive:
        left = max_bytes
        for name in archive.namelist():
            left -= len(_read(archive, name, left))


@contextlib.contextmanager
def _open(path) -> Iterator[zipfile.ZipFile]:
    """An archive; what goes wrong while it is open is a ValueError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise
    # The standard library raises nearly anything on an archive that was
    # tampered with: of encryption, unknown compression and versions, kinds of
    # RuntimeError; besides, zlib.error, struct.error, EOFError, KeyError...
    except Exception as error:
        raise ValueError(f"The archive is damaged ({error}).") from error


def _read(archive, name, max_bytes):
    # Not what the directory claims: a small member can unpack to gigabytes.
    with archive.open(name) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(
            f"{name} must have at most {max_bytes:,} bytes. Received: more"
        )
    return data
