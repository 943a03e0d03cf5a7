"""Descriptions of models as members of zip archives.

A `.keras` file is such an archive; a `.tflite` file may have one behind its
flatbuffer, the place where TFLite keeps associated files.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence

from keras_mobilevit.model_info import MAX_BYTES

MEMBER = "model_info.json"
# The earliest date that a zip can hold: the same input gives the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def add_member(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Writes a text into an open archive, not compressed, without a date."""
    archive.writestr(zipfile.ZipInfo(name, _DATE), text.encode())


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
    try:
        with zipfile.ZipFile(path) as archive:
            found = set(archive.namelist())
            return {
                name: _read(archive, name) for name in names if name in found
            }
    # What the standard library raises on archives that were tampered with; of
    # encryption and unknown compression, it is kinds of RuntimeError.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
    ) as error:
        raise ValueError(f"The archive is damaged ({error}).") from error


def _read(archive, name):
    # Not what the directory claims: a small member can unpack to gigabytes.
    with archive.open(name) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"{name} must have at most {MAX_BYTES:,} bytes. Received: more"
        )
    return data
