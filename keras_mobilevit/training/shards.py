"""Labelled images in a few plain tars, beside an index of them.

The tars can be read by anything. Image number i is in tar number i modulo their
count, so each has a part of every class. The index is what makes opening
fast: a line of JSON, which gives the counts and the names of classes and tars;
then, little-endian, an array of each of `_FIELDS`, the names of all images in
UTF-8, and the SHA-256 of all of that.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Any

import numpy as np

from keras_mobilevit.training.stored_images import (
    LabelledFiles,
    Names,
    TarImages,
)

INDEX = "shards.index"
_FORMAT = "keras-mobilevit shards"
_VERSION = 1
# Of the names of 100,000 classes, and of an index of 100 million images.
_MAX_HEADER_BYTES = 2**24
_MAX_INDEX_BYTES = 2**33
# One number of each image; the wide ones first, so that they are aligned.
_FIELDS = {
    "offsets": "<i8",
    "name_ends": "<i8",
    "sizes": "<u4",
    "checksums": "<u4",
    "labels": "<u4",
}
_WIDTH = sum(np.dtype(kind).itemsize for kind in _FIELDS.values())
_HASH_BYTES = 32


class _Damaged(ValueError):
    """What an index can not say."""


def holds_shards(folder: str | os.PathLike) -> bool:
    """Whether a folder holds shards."""
    return os.path.isfile(os.path.join(folder, INDEX))


def write_index(folder: pathlib.Path, files: LabelledFiles) -> None:
    """Writes the index of tars that are complete.

    Args:
        folder: The folder that holds the tars.
        files: What is in them.
    """
    images, names = files.images, files.names
    values = {
        "offsets": images.offsets,
        "name_ends": names.ends,
        "sizes": images.sizes,
        "checksums": images.checksums,
        "labels": files.labels,
    }
    parts = [values[name].astype(kind) for name, kind in _FIELDS.items()]
    parts.append(names.data)
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "images": len(names),
        "name_bytes": len(names.data),
        "class_names": list(files.class_names),
        "tars": [[tar.name, tar.stat().st_size] for tar in images.tars],
    }
    parts.insert(0, json.dumps(header).encode() + b"\n")
    with open(folder / INDEX, "wb") as file:
        for part in (*parts, _hash(parts)):
            file.write(part)


def open_shards(folder: str | os.PathLike) -> LabelledFiles:
    """Opens what `write_index` wrote, without reading the tars.

    Raises:
        FileNotFoundError: If the index, or a tar, is not there.
        ValueError: If the index is damaged, or a tar has not the size that it
            had.
    """
    folder = pathlib.Path(folder)
    try:
        header, numbers, names = _read(folder / INDEX)
        files = _decode(header, numbers, names, folder)
    except _Damaged as error:
        raise ValueError(
            f"{folder / INDEX} is no index of shards, or damaged: {error}. "
            "Fetch it again, or make it by `keras-mobilevit pack`."
        ) from error
    _check_tars(files.images, [size for _, size in header["tars"]])
    return files


def _hash(parts):
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.digest()


def _read(path) -> tuple[dict[str, Any], bytes, bytes]:
    with open(path, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        _require(length <= _MAX_INDEX_BYTES, f"it has {length:,} bytes")
        line = file.readline(_MAX_HEADER_BYTES)
        header = _parse(line)
        number_bytes, name_bytes = (
            header["images"] * _WIDTH,
            header["name_bytes"],
        )
        expected = len(line) + number_bytes + name_bytes + _HASH_BYTES
        _require(
            length == expected,
            f"{expected:,} bytes are expected, and {length:,} are there",
        )
        numbers, names = file.read(number_bytes), file.read(name_bytes)
        _require(
            file.read() == _hash([line, numbers, names]),
            "its hash is another one",
        )
    return header, numbers, names


def _parse(line):
    try:
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _Damaged("it does not begin with a line of JSON") from error
    _require(
        isinstance(header, dict) and header.get("format") == _FORMAT,
        "it begins otherwise",
    )
    version = header.get("version")
    _require(
        version == _VERSION,
        f"version {_VERSION} is expected, and it is of version {version!r}",
    )
    for name in ("class_names", "tars"):
        _require(isinstance(header.get(name), list), f"it has no {name}")
    for name in ("images", "name_bytes"):
        _require(_is_count(header.get(name)), f"it has no {name}")
    _require(
        all(isinstance(name, str) for name in header["class_names"]),
        "a class has no name",
    )
    _require(
        header["tars"] and all(map(_is_tar, header["tars"])),
        "it names no tars",
    )
    return header


def _is_count(value):
    return type(value) is int and 0 <= value < 2**63


def _is_tar(value):
    """Whether it is the name of a file in the same folder, and a size."""
    if not (isinstance(value, list) and len(value) == 2):
        return False
    name, size = value
    plain = isinstance(name, str) and name.endswith(".tar") and "\0" not in name
    return plain and not {*"/\\:"} & {*name} and _is_count(size)


def _decode(header, numbers, names, folder):
    count, place, values = header["images"], 0, {}
    for name, kind in _FIELDS.items():
        values[name] = np.frombuffer(numbers, kind, count, place)
        place += values[name].nbytes
    tars = header["tars"]
    images = TarImages(
        tuple(folder / name for name, _ in tars),
        np.arange(count, dtype=np.uint32) % len(tars),
        values["offsets"],
        values["sizes"],
        values["checksums"],
    )
    names = Names(names, values["name_ends"])
    class_names, labels = tuple(header["class_names"]), values["labels"]
    _require(count > 0, "it has no images")
    _require(labels.max() < len(class_names), "a label has no class")
    _require(_fit(names), "the names do not fit")
    _require(
        _are_inside(images, [size for _, size in tars]),
        "an image lies outside of its tar",
    )
    return LabelledFiles(class_names, labels, names, images)


def _fit(names):
    ends = names.ends
    in_order = ends[0] >= 0 and (ends[1:] >= ends[:-1]).all()
    return in_order and ends[-1] == len(names.data)


def _are_inside(images, lengths):
    # Integers could overflow.
    ends = images.offsets.astype(np.float64) + images.sizes
    limits = np.array(lengths, np.float64)[images.numbers]
    return (images.offsets >= 0).all() and (ends <= limits).all()


def _require(condition, reason):
    if not condition:
        raise _Damaged(reason)


def _check_tars(images, sizes):
    for path, size in zip(images.tars, sizes, strict=True):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing, which {INDEX} beside it lists."
            )
        found = path.stat().st_size
        if found != size:
            raise ValueError(
                f"{path} must have {size:,} bytes. Received: {found:,}. Fetch "
                "it or pack the images again."
            )
