"""Folders that are made anew only if what they are made of has changed."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
from collections.abc import Callable, Iterable
from importlib import metadata

from golden_values.folders import REPOSITORY

_STAMP = "stamp"
_PACKAGES = ("ai-edge-litert", "keras", "numpy", "pillow", "tensorflow")
# (folder, pattern) of all that an export depends on.
LIBRARY = (
    (REPOSITORY / "keras_mobilevit", "**/*.py"),
    (REPOSITORY / "keras_mobilevit", "**/*.h5"),
    (REPOSITORY / "keras_mobilevit", "**/*.json"),
)


def make(
    folder: pathlib.Path,
    sources: Iterable[tuple[pathlib.Path, str]],
    write: Callable[[pathlib.Path], None],
) -> bool:
    """Fills a folder, unless it already has what the same sources gave.

    An interrupted or failed run leaves the folder as it was.

    Args:
        folder: To fill; nothing else may be in it.
        sources: Folders and patterns of the files that the content depends on,
            besides the versions of packages.
        write: Writes the content into an empty folder.

    Returns:
        Whether it was made anew.
    """
    stamp, current = folder / _STAMP, _hash(sources)
    if stamp.is_file() and stamp.read_text() == current:
        return False
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    write(new)
    (new / _STAMP).write_text(current)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return True


def _hash(sources) -> str:
    digest = hashlib.sha256()
    for name in _PACKAGES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for folder, pattern in sources:
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(REPOSITORY).as_posix()
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()
