"""Class names from text files, as editors of all systems write them."""

from __future__ import annotations

import codecs
import os
import pathlib
import warnings


def read_label_file(path: str | os.PathLike) -> tuple[str, ...]:
    """Reads class names, one a line, in the order of the outputs.

    A byte order mark, line ends of any system and blank lines at the end do
    not matter.

    Args:
        path: Text file, UTF-8 or, with a byte order mark, UTF-16.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it names no class, or has a blank line in between,
            which would move all names behind it.

    Warns:
        UserWarning: If it is neither, and is read as Latin-1.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            "Expected a text file of class names, one a line. Received: "
            f"{path}, which is not there."
        )
    text = _decode(path.read_bytes(), path).rstrip()
    # `splitlines` would also split at characters inside of names.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    names = tuple(line.strip() for line in lines)
    if "" in names:
        at = names.index("") + 1
        found = f"a blank line {at}" if text else "none"
        raise ValueError(
            f"Expected a class name in each line of {path}. Received: {found}"
        )
    return names


def _decode(data, path):
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        warnings.warn(
            f"{path} is not UTF-8; it is read as Latin-1. Save it as UTF-8 if "
            "names look wrong.",
            stacklevel=3,
        )
        return data.decode("latin-1")
