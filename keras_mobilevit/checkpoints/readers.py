"""Reads a checkpoint file of any known kind into named arrays."""

from __future__ import annotations

import io
import pathlib
import zipfile
from typing import Literal

import h5py
import numpy as np

from keras_mobilevit.checkpoints import torch_file

FileKind = Literal["keras_h5", "keras", "kecam", "safetensors", "torch"]

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ZIP_MAGIC = b"PK\x03\x04"
_KERAS_WEIGHTS = "model.weights.h5"

# Start of the file (lower case) -> what such a file usually is.
_IMPOSTORS = (
    (b"<", "looks like an HTML page, probably a failed download"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself"),
    (b"", "is none of these"),
)


def file_kind(path: str | pathlib.Path) -> FileKind:
    """Tells what a checkpoint file is, by its contents and not its name.

    Args:
        path: The file.

    Returns:
        `"keras_h5"` (`.weights.h5` of Keras 3), `"keras"` (`.keras`),
        `"kecam"` (HDF5 by layer name), `"safetensors"` or `"torch"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of these.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> path = checkpoints.fetch("cifar10", "mobilevit_xxs")
        >>> checkpoints.file_kind(path)
        'keras_h5'
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint file at {path}.")
    with path.open("rb") as file:
        head = file.read(64)
    try:
        if head.startswith(_HDF5_MAGIC):
            with h5py.File(path, "r") as file:
                if "layers" in file:
                    return "keras_h5"
                if "model_weights" in file or "layer_names" in file.attrs:
                    return "kecam"
        elif head.startswith(_ZIP_MAGIC):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
            if _KERAS_WEIGHTS in names:
                return "keras"
            if any(name.endswith("/data.pkl") for name in names):
                return "torch"
        elif head[8:9] == b"{":
            # In front of the JSON stands its length, whose first byte may
            # well be that of a pickle.
            return "safetensors"
        elif head.startswith(b"\x80"):
            return "torch"
    except (OSError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error
    if not head:
        reason = "is empty"
    else:
        text = head.lstrip().lower()
        reason = next(r for start, r in _IMPOSTORS if text.startswith(start))
    raise ValueError(
        "Expected a checkpoint: .weights.h5 or .keras (Keras), .safetensors, "
        ".pt or .pth (PyTorch), or .h5 (keras_cv_attention_models). "
        f"{path} {reason}; it starts with {head[:16]!r}. Fetch the file again."
    )


def read_tensors(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Reads all tensors of a checkpoint.

    Args:
        path: File of any kind that `file_kind` knows.

    Returns:
        Dict of arrays. The keys are those of the state dict for PyTorch and
        safetensors, `layer/weight` for keras_cv_attention_models, and
        `layer/sublayer/index` for the files of Keras.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or no checkpoint.
        ImportError: If the file needs safetensors and it is not installed.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> path = checkpoints.fetch("cifar10", "mobilevit_xxs")
        >>> tensors = checkpoints.read_tensors(path)
        >>> f"{sum(tensor.size for tensor in tensors.values()):,}"
        '958,346'
    """
    path = pathlib.Path(path)
    kind = file_kind(path)
    if kind == "torch":
        return torch_file.read_torch(path)
    if kind == "safetensors":
        return _read_safetensors(path)
    try:
        if kind == "keras":
            with zipfile.ZipFile(path) as archive:
                source = io.BytesIO(archive.read(_KERAS_WEIGHTS))
        else:
            source = path
        with h5py.File(source, "r") as file:
            if kind == "kecam":
                return _read_kecam(file)
            return _read_keras(file)
    # h5py reports a damaged file as any of these.
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error


def import_safetensors():
    """Imports the optional `safetensors.numpy`.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "Safetensors files need the safetensors package: "
            'pip install "keras-mobilevit[checkpoints]".'
        ) from error
    return safetensors


def _read_safetensors(path):
    safetensors = import_safetensors()
    try:
        tensors = safetensors.numpy.load_file(path)
    except safetensors.SafetensorError as error:
        raise _damaged(path, error) from error
    # NumPy has no bfloat16 of its own.
    return {
        key: array.astype(np.float32) if array.dtype.kind == "V" else array
        for key, array in tensors.items()
    }


def _datasets(group):
    """Yields (path, array) of every dataset that lies in the file itself."""
    found = []
    group.visititems(
        lambda name, item: (
            found.append((name, item))
            if isinstance(item, h5py.Dataset)
            else None
        )
    )
    for name, item in found:
        if item.external:
            raise OSError(f"{name} refers to another file")
        yield name, item[()]


def _read_kecam(file):
    """`stem_conv/stem_conv/kernel:0` becomes `stem_conv/kernel`."""
    group = file["model_weights"] if "model_weights" in file else file
    tensors = {}
    for name, array in _datasets(group):
        layer, *_, weight = name.split("/")
        tensors[f"{layer}/{weight.removesuffix(':0')}"] = array
    return tensors


def _read_keras(file):
    """`layers/conv_block/conv/vars/0` becomes `stem/conv/0`.

    The groups are called after classes and attributes; Keras notes the name
    of each layer as an attribute beside its weights. Lists of layers are
    groups without weights of their own and drop out.
    """
    tensors = {}
    for name, array in _datasets(file["layers"]):
        *parts, _, index = name.split("/")
        if "seed_generator" in parts:
            continue
        groups = [
            "/".join((*parts[: i + 1], "vars")) for i in range(len(parts))
        ]
        layers = [
            file["layers"][group].attrs["name"]
            for group in groups
            if group in file["layers"]
        ]
        tensors["/".join((*layers, index))] = array
    return tensors


def _damaged(path, error):
    return ValueError(
        f"{path} is damaged, perhaps not fully downloaded ({error}). Fetch "
        "the file again."
    )
