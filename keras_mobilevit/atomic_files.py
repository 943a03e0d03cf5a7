"""Writing files so that they are complete or not there."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator


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


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives a new folder, which takes its name when all is in it.

    It lies beside the target, and goes if the block raises.

    Args:
        path: The target, which must not exist or be empty.

    Raises:
        FileExistsError: If it holds anything.
    """
    path = pathlib.Path(path).absolute()
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise FileExistsError(
            f"Expected a new or empty folder. Received: {path}, which holds "
            "something. Remove it, or name another folder."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            # Windows does not replace it.
            path.rmdir()
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
