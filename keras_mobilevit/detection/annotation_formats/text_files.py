"""Text from files that may be anything: limited in size, decoded or refused."""

from __future__ import annotations

import codecs
import pathlib


def read_limited(path: pathlib.Path, max_bytes: int) -> str:
    """Reads a text file.

    Args:
        path: UTF-8 or, with a byte order mark, UTF-16.
        max_bytes: What a file of its kind has at most.

    Raises:
        ValueError: If it is larger, or not text.
        OSError: If it can not be read.
    """
    data = read_limited_bytes(path, max_bytes)
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}).") from error


def read_limited_bytes(path: pathlib.Path, max_bytes: int) -> bytes:
    """Reads a file.

    Raises:
        ValueError: If it is larger.
        OSError: If it can not be read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(
            f"{path} must have at most {max_bytes:,} bytes. Received: "
            f"{path.stat().st_size:,}"
        )
    return data


def starts_with(path: pathlib.Path, characters: str) -> bool:
    """Whether the first character that is no blank is one of some."""
    with path.open("rb") as file:
        start = file.read(1024).decode("utf-8-sig", "replace").lstrip()
    return start[:1] != "" and start[0] in characters


def to_number(text: str, what: str) -> float:
    """A finite number.

    Raises:
        ValueError: If it is none; the message names `what`.
    """
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise ValueError(f"{what} must be a number. Received: {text!r:.40}")
    return number
