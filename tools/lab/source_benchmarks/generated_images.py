"""Data sets of many tiny images, in the forms that `open_source` takes."""

from __future__ import annotations

import io
import pathlib
import tarfile
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from PIL import Image

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.training.packing import pack

TARS = 10
SIDE = 8


def generate(
    kind: str, folder: pathlib.Path, images: int, classes: int
) -> pathlib.Path:
    """Writes a data set, unless it is there.

    Args:
        kind: One of `KINDS`.
        folder: Where to.
        images: Number of images.
        classes: Number of classes.

    Returns:
        Its path.
    """
    path = folder / f"{kind}-{images}-{classes}"
    if not path.exists():
        KINDS[kind](path, images, classes)
    return path


def names(images: int, classes: int) -> Iterator[str]:
    """Names as long as those of ImageNet, class after class."""
    for index in range(images):
        label = index * classes // images
        yield f"n{label:08}/n{label:08}_{index}.JPEG"


def tiny_image() -> bytes:
    """The file of an image."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def _write_folder(path, images, classes):
    data = tiny_image()
    temporary = path.with_name(f"{path.name}.part")
    for label in range(classes):
        (temporary / f"n{label:08}").mkdir(parents=True)
    for name in _counted(images, classes):
        (temporary / name).write_bytes(data)
    temporary.rename(path)


def _write_tars(path, images, classes):
    """As GNU tar writes them, which is faster than `tarfile`."""
    data = tiny_image()
    padded = data + bytes(-len(data) % tarfile.BLOCKSIZE)
    temporary = path.with_name(f"{path.name}.part")
    temporary.mkdir(parents=True)
    listed = _counted(images, classes)
    for number in range(TARS):
        first, last = (images * i // TARS for i in (number, number + 1))
        with open(temporary / f"{number}.tar", "wb") as file:
            for _ in range(first, last):
                header = tarfile.TarInfo(next(listed))
                header.size = len(data)
                file.write(header.tobuf(tarfile.GNU_FORMAT) + padded)
            file.write(bytes(tarfile.RECORDSIZE))
    temporary.rename(path)


def _write_shards(path, images, classes):
    pack(generate("tars", path.parent, images, classes), path)


def _counted(images, classes):
    return iter(
        progress_bar(names(images, classes), desc="generating", total=images)
    )


KINDS: Mapping[str, Callable[[pathlib.Path, int, int], None]] = {
    "shards": _write_shards,
    "tars": _write_tars,
    "folder": _write_folder,
}
