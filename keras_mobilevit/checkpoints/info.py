"""What a checkpoint says of itself: classes, input and preprocessing."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import zipfile

import h5py

from keras_mobilevit.architectures import architecture_of, named_weights
from keras_mobilevit.checkpoints import hdf5_process
from keras_mobilevit.checkpoints.hdf5 import (
    find_embedded,
    is_hdf5,
    read_hdf5,
)
from keras_mobilevit.checkpoints.model_folder import folder_info
from keras_mobilevit.info_archive import (
    MEMBER,
    add_member,
    read_members,
    verify_members,
)
from keras_mobilevit.model_info import MAX_BYTES, ModelInfo

# Attribute of HDF5 files, and key in the metadata of safetensors.
INFO_KEY = "keras_mobilevit"
# The header of a safetensors file begins behind its length.
_LENGTH_BYTES = 8


def write_info(file: h5py.File, info: ModelInfo) -> None:
    """Writes a description into an open weights file."""
    file.attrs[INFO_KEY] = info.to_json()


def add_info(path: str | os.PathLike, info: ModelInfo) -> None:
    """Writes a description into a `.keras` file, in place of an older one.

    Raises:
        OSError: If the file can not be read or written; it stays as it was.
        ValueError: If it is no `.keras` file.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> from keras_mobilevit.model_info import ModelInfo
        >>> model = keras_mobilevit.MobileViTXXS(weights=None, classes=2)
        >>> model.save("pets.keras")
        >>> info = ModelInfo(labels=("cat", "dog"), classes=2)
        >>> checkpoints.add_info("pets.keras", info)
        >>> checkpoints.read_info("pets.keras").labels
        ('cat', 'dog')
    """
    path = pathlib.Path(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"Expected a .keras file. Received: {path}")
    verify_members(path, hdf5_process.MAX_BYTES)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(part, "w") as new:
            for member in old.infolist():
                if member.filename != MEMBER:
                    new.writestr(member, old.read(member))
            add_member(new, MEMBER, info.to_json())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_info(path: str | os.PathLike) -> ModelInfo | None:
    """Reads what this package wrote into a checkpoint.

    Weights that are part of the package are recognized by their hash, and so
    are copies of them.

    Args:
        path: Checkpoint of any kind, or a folder in which Hugging Face saved
            a model, whose own description is read.

    Returns:
        The description, or `None` if the file holds none.

    Raises:
        ValueError: If the description is damaged, or can not be true.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> from keras_mobilevit.model_info import ModelInfo
        >>> model = keras_mobilevit.MobileViTXXS(weights=None, classes=2)
        >>> info = ModelInfo(labels=("cat", "dog"), classes=2)
        >>> checkpoints.save_compact(model, "pets.weights.h5", info)
        >>> checkpoints.read_info("pets.weights.h5").labels
        ('cat', 'dog')
    """
    try:
        if os.path.isdir(path):
            return folder_info(path)
        text = _read_text(path)
        if text is None:
            return _known_info(path)
        if not isinstance(text, str | bytes):
            raise ValueError(f"It is no text but {type(text).__name__}.")
        return ModelInfo.from_json(text)
    except ValueError as error:
        raise ValueError(
            f"{path} holds a damaged description of its weights: {error}"
        ) from error


def _known_info(path):
    """What the package knows of its own weights."""
    if not os.path.isfile(path) or not is_hdf5(path):
        return None
    if (found := find_embedded(path)) is None:
        return None
    name, variant = found
    return dataclasses.replace(
        named_weights(variant=variant)[name].info,
        architecture=architecture_of(variant).name,
        variant=variant,
    )


def _read_text(path):
    if not os.path.isfile(path):
        return None
    if is_hdf5(path):
        attributes = read_hdf5(path).attributes
        if INFO_KEY not in attributes:
            return None
        if attributes[INFO_KEY] is None:
            raise ValueError("It is no text.")
        return attributes[INFO_KEY]
    if zipfile.is_zipfile(path):
        return read_members(path, (MEMBER,)).get(MEMBER)
    return _read_safetensors(path)


def _read_safetensors(path):
    """Of the header alone: it is JSON, and needs no safetensors."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        # Other files have anything there.
        header = file.read(length) if length <= MAX_BYTES else b""
    if not header.startswith(b"{"):
        return None
    try:
        metadata = json.loads(header).get("__metadata__")
    except (ValueError, RecursionError):
        return None
    return metadata.get(INFO_KEY) if isinstance(metadata, dict) else None
