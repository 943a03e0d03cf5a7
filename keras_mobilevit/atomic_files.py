"""Writing files so that they are complete or not there."""

from __future__ import annotations

import os
import pathlib


def atomic_write(path: str | os.PathLike, data: bytes) -> None:
    """Writes beside the target and renames: no half file is ever seen."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
