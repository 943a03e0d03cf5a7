"""Images in files, opened by their number.

They may be millions, and go to other processes: names and places are compact,
and no file stays open.
"""

from __future__ import annotations

import abc
import dataclasses
import os
import pathlib
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from keras_mobilevit.image_folders import MAX_FILE_BYTES
from keras_mobilevit.images import open_image

# File names need not be UTF-8.
ENCODING = ("utf-8", "surrogateescape")


@dataclasses.dataclass(frozen=True, eq=False)
class Names(Sequence[str]):
    """Names, in less than half of the memory of a list.

    Attributes:
        data: All of them, in UTF-8, one after the other.
        ends: int64 array `(count,)`: where each of them ends.
    """

    data: bytes
    ends: np.ndarray

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Packs names."""
        data, ends = bytearray(), []
        for name in names:
            data += name.encode(*ENCODING)
            ends.append(len(data))
        return cls(bytes(data), np.array(ends, np.int64))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        start = self.ends[index - 1] if index else 0
        return self.data[start : self.ends[index]].decode(*ENCODING)


class StoredImages(abc.ABC):
    """Images of which each is a file of its own, or a part of one."""

    @abc.abstractmethod
    def data(self, index: int) -> bytes:
        """The bytes of an image's file.

        Raises:
            OSError: If it is not there any more.
            ValueError: If it is not as it was.
        """

    def __call__(self, index: int) -> Image.Image:
        """Decodes an image to RGB; raises as `data`, or if it is damaged."""
        return open_image(self.data(index))


@dataclasses.dataclass(frozen=True, eq=False)
class FolderImages(StoredImages):
    """Files in a folder.

    Attributes:
        folder: The folder.
        names: Paths in it.
    """

    folder: pathlib.Path
    names: Sequence[str]

    def data(self, index):
        return (self.folder / self.names[index]).read_bytes()

    def __call__(self, index):
        return open_image(self.folder / self.names[index])


@dataclasses.dataclass(frozen=True, eq=False)
class TarImages(StoredImages):
    """Files in tars that are not compressed.

    Attributes:
        tars: The tars.
        numbers: Array `(count,)`: which tar each image is in.
        offsets: Array `(count,)`: where the bytes of each begin there.
        sizes: Array `(count,)`: how many bytes each has.
        checksums: Array `(count,)`: the CRC-32 of each, or `None` where it is
            not known.
    """

    tars: tuple[pathlib.Path, ...]
    numbers: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    checksums: np.ndarray | None = None

    def data(self, index):
        tar, size = self.tars[self.numbers[index]], int(self.sizes[index])
        if size > MAX_FILE_BYTES:
            raise ValueError(
                f"An image must have at most {MAX_FILE_BYTES:,} bytes. "
                f"Received: {size:,} in {tar}"
            )
        data = _read_bytes(tar, int(self.offsets[index]), size)
        if len(data) < size or not self._is_intact(index, data):
            raise ValueError(
                f"{tar} is not as it was: fetch it or pack the images again."
            )
        return data

    def _is_intact(self, index, data):
        if self.checksums is None:
            return True
        return zlib.crc32(data) == self.checksums[index]


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledFiles:
    """Images in files, with what is known of them.

    Attributes:
        class_names: A name for each label.
        labels: Array `(count,)`, indices into `class_names`.
        names: What to call each image.
        images: The images.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    names: Names
    images: StoredImages


def _read_bytes(path: str | os.PathLike, offset: int, size: int) -> bytes:
    # Opened each time: nothing to close, and no position that threads share.
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        return file.read(size)
