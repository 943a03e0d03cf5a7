"""Packs a folder of labelled images into shards."""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
import tarfile
import zlib

import numpy as np

from keras_mobilevit.atomic_files import atomic_folder
from keras_mobilevit.image_folders import MAX_FILE_BYTES
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.training.shards import write_index
from keras_mobilevit.training.sources import LabelledSource, open_source
from keras_mobilevit.training.stored_images import (
    ENCODING,
    LabelledFiles,
    Names,
    TarImages,
)

# About a gigabyte of ImageNet.
IMAGES_PER_SHARD = 10_000


@dataclasses.dataclass(frozen=True)
class Packed:
    """What was written.

    Attributes:
        shards: Number of tars.
        images: Number of images.
        classes: Number of classes.
        bytes: Size of all images.
    """

    shards: int
    images: int
    classes: int
    bytes: int


def pack(
    source: str | os.PathLike,
    out: str | os.PathLike,
    *,
    shards: int | None = None,
) -> Packed:
    """Packs labelled images into shards, which `open_source` opens at once.

    The bytes of the images stay as they are, and so does their order: a
    training run sees the same images as from the folder. Equal images give
    equal shards, to the byte.

    Args:
        source: A folder or tar of `<class>/<image>`, a folder of such tars,
            or other shards.
        out: Folder to write, which must not exist or be empty. It appears
            when all is in it.
        shards: Number of tars, by default one for each 10,000 images.

    Raises:
        FileNotFoundError: If there is no such source.
        FileExistsError: If `out` holds anything.
        OSError: If an image can not be read, or the shards not be written.
        ValueError: As `open_source`; if there are fewer images than shards;
            or if `out` is inside of `source`.
    """
    source, out = pathlib.Path(source), pathlib.Path(out)
    if source.resolve() in (out.resolve(), *out.resolve().parents):
        raise ValueError(
            f"The shards must not be inside of {source}. Received: out={out}"
        )
    images = open_source(source)
    if shards is None:
        shards = math.ceil(len(images) / IMAGES_PER_SHARD)
    if not 1 <= shards <= len(images):
        raise ValueError(
            f"Expected 1 to {len(images)} shards for as many images. "
            f"Received: shards={shards}"
        )
    with atomic_folder(out) as folder:
        files = _write_tars(images, folder, shards)
        write_index(folder, files)
    total = int(files.images.sizes.sum())
    return Packed(shards, len(images), len(images.class_names), total)


def _write_tars(source: LabelledSource, folder, shards):
    count = len(source)
    names = [
        folder / f"images-{i:05}-of-{shards:05}.tar" for i in range(shards)
    ]
    images = TarImages(
        tuple(names),
        np.arange(count) % shards,
        offsets=np.zeros(count, np.int64),
        sizes=np.zeros(count, np.int64),
        checksums=np.zeros(count, np.uint32),
    )
    with progress_bar(desc="packing", total=count, unit="image") as bar:
        for number, path in enumerate(names):
            with open(path, "wb") as file:
                for index in range(number, count, shards):
                    _append(file, index, source, images)
                    bar.update()
                _end(file)
    packed = (_packed_name(source, index) for index in range(count))
    return LabelledFiles(
        source.class_names, source.labels, Names.of(packed), images
    )


def _append(file, index, source, images):
    data = source.read.data(index)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(
            f"{source.names[index]} must have at most {MAX_FILE_BYTES:,} "
            f"bytes. Received: {len(data):,}"
        )
    # Neither times nor owners: equal images give equal shards.
    header = tarfile.TarInfo(_packed_name(source, index))
    header.size = len(data)
    file.write(header.tobuf(tarfile.GNU_FORMAT, *ENCODING))
    images.offsets[index] = file.tell()
    images.sizes[index] = len(data)
    images.checksums[index] = zlib.crc32(data)
    file.write(data)
    file.write(bytes(-len(data) % tarfile.BLOCKSIZE))


def _end(file):
    file.write(bytes(2 * tarfile.BLOCKSIZE))
    file.write(bytes(-file.tell() % tarfile.RECORDSIZE))


def _packed_name(source, index):
    """`<class>/<file>`, wherever the folder of classes was."""
    label = source.class_names[source.labels[index]]
    return f"{label}/{source.names[index].rpartition('/')[2]}"
