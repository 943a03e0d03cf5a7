"""Writing files so that they are complete or not there."""

from __future__ import annotations

import os
import pathlib


def require_writable(path: str | os.PathLike) -> None:
    """Passes if `atomic_write` can write there; makes the folder.

    Args:
        path: The target, before the work whose result it gets.

    Raises:
        OSError: If it can not.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise IsADirectoryError(
            f"Expected the path of a file to write. Received: a folder, {path}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        temporary.touch()
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write(path: str | os.PathLike, data: bytes) -> None:
    """Writes beside the target and renames: no half file is ever seen."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path):
    return path.with_name(f".{path.name}.{os.getpid()}.part")
