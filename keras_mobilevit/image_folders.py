"""Pictures in folders and tar archives: listed, chosen and read by name.

What a picture holds is the matter of `keras_mobilevit.images`.
"""

from __future__ import annotations

import lzma
import os
import pathlib
import tarfile
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_mobilevit.tar_index import TarIndex, index_tar
from keras_mobilevit.text_formatting import abbreviate, counted

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

# What `tarfile` raises on damaged files, compressed ones among them.
_TAR_ERRORS = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
)
# Bytes of a file in a tar; that of no picture has as many.
MAX_FILE_BYTES = 2**28
# Pictures too, but of formats that are not read.
UNREAD_SUFFIXES = frozenset(
    {
        *(".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".j2k"),
        *(".jxl", ".jfif", ".svg", ".psd", ".ico", ".tga", ".ppm", ".pgm"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
    }
)


class LabelledFile(NamedTuple):
    """One picture of a folder or tar.

    Attributes:
        name: Path inside the folder or tar, with forward slashes.
        label: Name of the folder that holds it; empty at the top level.
        data: The file's bytes.
    """

    name: str
    label: str
    data: bytes


def iterate_files(
    source: str | os.PathLike, limit: int | None = None
) -> Iterator[LabelledFile]:
    """Yields the pictures of a folder or a tar, sorted by name.

    Args:
        source: Folder or tar; pictures may lie at the top or in folders that
            name their class.
        limit: Yield at most so many, evenly spread over all of them.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it holds no picture.
    """
    yield from read_files(source, list_files(source, limit))


def list_files(
    source: str | os.PathLike, limit: int | None = None
) -> list[str]:
    """Names of the pictures that `iterate_files` would give.

    Args:
        source: As in `iterate_files`.
        limit: As in `iterate_files`.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it holds no picture.
    """
    return take_evenly(image_names(list_all(source), source), limit)


def list_all(source: str | os.PathLike) -> list[str]:
    """Names of all files of a folder or a tar, in no order.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it is neither.
    """
    files, _ = list_contents(source)
    return files


def list_contents(source: str | os.PathLike) -> tuple[list[str], list[str]]:
    """Names of all files of a folder or a tar, and of the folders inside.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it is neither.
    """
    if not os.path.isdir(source):
        index = tar_contents(source)
        return list(dict.fromkeys(index.names)), index.folders
    # Strings, and no file is asked for its kind: there may be millions.
    files, folders, waiting = [], [], [""]
    while waiting:
        inside = waiting.pop()
        for entry in _scan(os.path.join(source, inside)):
            name = inside + entry.name
            if entry.is_file():
                files.append(name)
            elif entry.is_dir():
                folders.append(name)
                if not entry.is_symlink():
                    waiting.append(f"{name}/")
    return files, folders


def _scan(folder):
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except PermissionError:
        # Such as the `lost+found` of a disk.
        return


def take_evenly(items: Sequence[Any], limit: int | None) -> Sequence[Any]:
    """At most `limit` of some items, evenly spread over all of them.

    Raises:
        ValueError: If `limit` is less than 1.
    """
    if limit is None:
        return items
    if limit < 1:
        raise ValueError(f"`limit` must be at least 1. Received: limit={limit}")
    count = len(items)
    if limit >= count:
        return items
    # One from the start of each of `limit` stretches, as equal as can be.
    return [items[i * count // limit] for i in range(limit)]


def tar_contents(source: str | os.PathLike) -> TarIndex:
    """Files of a tar, and folders that it lists.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it is no tar.
    """
    if not pathlib.Path(source).is_file():
        raise FileNotFoundError(
            f"There is no folder or tar of pictures at {source}."
        )
    try:
        return index_tar(source)
    except _TAR_ERRORS as error:
        raise ValueError(
            f"Expected a folder of pictures or a tar of one at {source}. "
            f"Received a file that is no tar ({error})."
        ) from error


def image_names(names: Iterable[str], source: str | os.PathLike) -> list[str]:
    """Sorts out, by their endings, the names of pictures.

    Hidden files and folders hold no pictures, such as `.ipynb_checkpoints`,
    and the `._0.jpg` and `__MACOSX` that macOS puts into archives.

    Args:
        names: Names of files.
        source: Where they are from, for the message.

    Raises:
        ValueError: If there is none.

    Warns:
        UserWarning: If there are pictures of formats that are not read.
    """
    shown = sorted(name for name in names if not _is_hidden(name))
    pictures, unread = [], []
    for name in shown:
        suffix = suffix_of(name)
        if suffix in IMAGE_SUFFIXES:
            pictures.append(name)
        elif suffix in UNREAD_SUFFIXES:
            unread.append(name)
    if not pictures:
        raise ValueError(
            f"{source} holds no picture. Expected files ending in one of "
            f"{sorted(IMAGE_SUFFIXES)}. Received: "
            f"{abbreviate(shown) or 'no file'}"
        )
    if unread:
        warnings.warn(
            f"Left out {counted(len(unread), 'picture')} of {source} whose "
            f"format is not read: {abbreviate(unread)}. Convert them to JPEG "
            "or PNG.",
            stacklevel=2,
        )
    return pictures


def require_class_pictures(
    names: Iterable[str], folders: Iterable[str], source: str | os.PathLike
) -> None:
    """Refuses to lose a class: a folder of pictures of which none is read.

    Args:
        names: All files of a folder or tar of `<class>/<picture>`.
        folders: All folders in it.
        source: Where they are from, for the message.

    Raises:
        ValueError: If a folder has pictures, all of formats that are not read.

    Warns:
        UserWarning: If a folder beside class folders has no pictures, or is
            empty.
    """
    found = {}
    for name in names:
        if not _is_hidden(name):
            folder = name.rpartition("/")[0]
            found.setdefault(folder, set()).add(suffix_of(name))
    suffixes, not_empty = {}, set()
    for folder, endings in found.items():
        path = pathlib.PurePosixPath(folder)
        suffixes.setdefault(path, set()).update(endings)
        not_empty.update((path, *path.parents))
    for folder in folders:
        path = pathlib.PurePosixPath(folder)
        if not _is_hidden(folder) and path not in not_empty:
            suffixes[path] = set()
    lost = {f: s for f, s in suffixes.items() if not s & IMAGE_SUFFIXES}
    parents = {folder.parent for folder in suffixes.keys() - lost.keys()}
    # The top level itself has no name, and is no class.
    lost = {f: s for f, s in lost.items() if f.name and f.parent in parents}
    if unread := sorted(f for f, s in lost.items() if s & UNREAD_SUFFIXES):
        endings = set().union(*(lost[folder] for folder in unread))
        raise ValueError(
            f"{counted(len(unread), 'class folder')} of {source} would be "
            f"lost: {abbreviate(unread)}. Expected files ending in one of "
            f"{sorted(IMAGE_SUFFIXES)}. Received: {sorted(endings)}. Convert "
            "them to JPEG or PNG, or take the folder away."
        )
    if lost:
        warnings.warn(
            f"No class of {source}, for want of pictures: "
            f"{abbreviate(sorted(lost))}",
            stacklevel=2,
        )


def suffix_of(name: str) -> str:
    """Ending of a file's name in lower case, with its dot."""
    name = name.rpartition("/")[2]
    place = name.rfind(".")
    return name[place:].lower() if 0 < place < len(name) - 1 else ""


def _is_hidden(name):
    # Most names have neither; the rest is slow.
    if "/." not in name and name[:1] != "." and "__MACOSX" not in name:
        return False
    return any(
        part == "__MACOSX" or (part.startswith(".") and part != "..")
        for part in pathlib.PurePosixPath(name).parts
    )


def read_files(
    source: str | os.PathLike, names: Iterable[str]
) -> Iterator[LabelledFile]:
    """Yields some pictures of a folder or a tar, in the order asked for.

    Args:
        source: As in `iterate_files`.
        names: Names out of `list_files`.
    """
    source = pathlib.Path(source)
    if source.is_dir():
        for name in names:
            yield _labelled(name, (source / name).read_bytes())
        return
    try:
        with tarfile.open(source) as tar:
            # By name, `tarfile` would search its whole list for each one.
            members = {member.name: member for member in tar.getmembers()}
            for name in names:
                yield _labelled(name, _read_member(tar, members[name]))
    except _TAR_ERRORS as error:
        raise ValueError(
            f"The tar {source} is damaged ({error!r}). Fetch it again."
        ) from error


def _read_member(tar, member):
    if member.size > MAX_FILE_BYTES:
        raise ValueError(
            f"{member.name} must have at most {MAX_FILE_BYTES:,} bytes. "
            f"Received: {member.size:,}"
        )
    return tar.extractfile(member).read()


def load_readable(
    files: Iterable[LabelledFile], load: Callable[[bytes], np.ndarray]
) -> Iterator[tuple[LabelledFile, np.ndarray]]:
    """Yields files with their pixels, but for those that can not be read.

    Args:
        files: Such as those of `iterate_files`.
        load: Reads a picture, and raises `ValueError` if it can not.

    Raises:
        ValueError: If none of them can be read.

    Warns:
        UserWarning: Of all that can not be read, at the end.
    """
    nothing, failures = True, {}
    for file in files:
        try:
            image = load(file.data)
        except ValueError as error:
            failures[file.name] = error
            continue
        nothing = False
        yield file, image
    if nothing:
        first = next(iter(failures.values()), "there is none")
        raise ValueError(
            f"None of {len(failures)} pictures can be read. The first: {first}"
        )
    if failures:
        warnings.warn(
            f"Skipped {counted(len(failures), 'picture')} that can not be "
            f"read: {abbreviate(list(failures))}",
            stacklevel=2,
        )


def label_of(name: str) -> str:
    """Name of the folder that holds a picture; empty at the top level."""
    return pathlib.PurePosixPath(name).parent.name


def _labelled(name, data):
    return LabelledFile(name, label_of(name), data)
