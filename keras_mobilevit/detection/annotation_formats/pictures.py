"""Which picture an annotation is of, and its size."""

from __future__ import annotations

import io
import os
import pathlib
from collections.abc import Iterable

from keras_mobilevit.image_folders import list_files, read_files
from keras_mobilevit.picture_sizes import upright_size


class PictureIndex:
    """The pictures of a folder or tar, found by what annotations call them.

    Args:
        source: Folder or tar.

    Attributes:
        source: The same.
        names: Path of each picture inside it.

    Raises:
        FileNotFoundError: If there is no such folder or tar.
        ValueError: If it holds no picture.
    """

    def __init__(self, source: str | os.PathLike):
        self.source = pathlib.Path(source)
        self.names = list_files(source)
        self._exact = frozenset(self.names)
        self._known: dict[str, list[str]] = {}
        for name in self.names:
            for key in {*_keys(name)}:
                self._known.setdefault(key, []).append(name)

    def find(self, reference: str) -> str | None:
        """Name of the picture that is meant, or `None`.

        Args:
            reference: Path or name, of this or another machine, with its
                ending or without.

        Raises:
            ValueError: If it could be several.
        """
        reference = reference.replace("\\", "/")
        if reference in self._exact:
            return reference
        for key in _keys(reference):
            found = self._known.get(key, [])
            if len(found) == 1:
                return found[0]
            if len(found) > 1:
                raise ValueError(
                    f"the picture {reference!r:.200} could be {found[0]} or "
                    f"{found[1]}"
                )
        return None

    def sizes(self, names: Iterable[str]) -> dict[str, tuple[int, int] | None]:
        """`(height, width)` of pictures; `None` for those not readable."""
        if self.source.is_dir():
            return {name: upright_size(self.source / name) for name in names}
        return {
            file.name: upright_size(io.BytesIO(file.data))
            for file in read_files(self.source, names)
        }


def _keys(name):
    """What a picture may be called, the most exact first.

    Annotations are moved to other folders, and pictures converted to other
    formats, without the names in the files being changed.
    """
    path = pathlib.PurePosixPath(name)
    stem = path.with_suffix("") if path.name else path
    return str(path), str(stem), path.name, stem.name
