"""Reads files written by `torch.save`, without PyTorch, running nothing.

A pickle can call any function of any module. The unpickler below knows only
the handful of names that a dictionary of tensors needs, each as an inert
stand-in, and refuses the file at the first other name.
"""

from __future__ import annotations

import collections
import io
import math
import pathlib
import os
import pickle
import pickletools
import zipfile
from typing import NamedTuple

import numpy as np

# The pickle that opens a file of the format before PyTorch 1.6.
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C

_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype("<u2"),  # widened to float32 below
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
_WRAPPERS = ("state_dict", "model_state_dict", "model")

# Those of a pickle that number its objects.
_MEMO_CODES = ("PUT", "BINPUT", "LONG_BINPUT")
_MAX_MEMO = 2**20
# Bytes of all tensors, of which many may share a storage.
_MAX_BYTES = 2**30


class _Storage(NamedTuple):
    kind: str
    key: str
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Turns tensors into `_Tensor` records and refuses everything else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in _DTYPES:
            return name
        if module == "torch._utils" and name == "_rebuild_tensor_v2":
            return self._rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return self._rebuild_parameter
        raise pickle.UnpicklingError(
            f"it refers to `{module}.{name}`, which a dictionary of tensors "
            "never needs. Nothing was run"
        )

    def persistent_load(self, pid):
        tag, kind, key, _, size, *view = pid
        if tag != "storage" or kind not in _DTYPES or any(view):
            raise pickle.UnpicklingError(f"it refers to an unknown {pid!r}")
        return _Storage(kind, key, size)

    def _rebuild_tensor(self, storage, offset, shape, strides, *_):
        return _Tensor(storage, offset, tuple(shape), tuple(strides))

    def _rebuild_parameter(self, tensor, *_):
        return tensor


def read_torch(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a `torch.save` file.

    Both formats are read: the zip archive, and the plain pickle from before
    PyTorch 1.6. bfloat16 becomes float32. Wrappers (`{"state_dict": ...}`,
    `{"model": ...}`) and a `module.` prefix are taken off.

    Args:
        path: The file.

    Returns:
        Dict of arrays by state dict key.

    Raises:
        ValueError: If the file is damaged, holds no tensors, or refers to
            anything but tensors and dictionaries.
    """
    try:
        with open(path, "rb") as file:
            is_zip = file.read(2) == b"PK"
            file.seek(0)
            if is_zip:
                content, storages = _read_zip(file)
            else:
                content, storages = _read_legacy(file)
        tensors = _state_dict(content)
        _check_size(tensors)
        tensors = {
            key: _materialize(value, storages)
            for key, value in tensors.items()
        }
    # Unpickling damaged bytes can end in nearly any exception.
    except Exception as error:
        raise ValueError(
            f"Cannot read {path} as a PyTorch checkpoint: {error}."
        ) from error
    return tensors


def _read_zip(file):
    size = file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type for info in infos.values()):
            raise ValueError("torch.save does not compress, this file is")
        if sum(info.file_size for info in infos.values()) > size:
            raise ValueError("the archive claims to hold more than it can")
        index = next((n for n in infos if n.endswith("/data.pkl")), None)
        if index is None:
            raise ValueError("the archive holds no data.pkl")
        root = index.removesuffix("data.pkl")
        order = f"{root}byteorder"
        if order in infos and archive.read(order) != b"little":
            raise ValueError("it was written on a big-endian machine")
        content = _load(io.BytesIO(archive.read(index)))
        prefix = f"{root}data/"
        storages = {
            name.removeprefix(prefix): archive.read(name)
            for name in infos
            if name.startswith(prefix)
        }
    return content, storages


def _read_legacy(file):
    if _load(file) != _MAGIC_NUMBER:
        raise ValueError("it is a pickle, but not one of torch.save")
    _load(file)  # protocol version
    if not _load(file)["little_endian"]:
        raise ValueError("it was written on a big-endian machine")
    unpickler = _RecordingUnpickler(file)
    _check_memo(file)
    content = unpickler.load()
    storages = {}
    for key in _load(file):
        storage = unpickler.storages[key]
        count = int.from_bytes(file.read(8), "little")
        if count != storage.size:
            raise ValueError(f"storage {key} has the wrong size")
        storages[key] = file.read(count * _DTYPES[storage.kind].itemsize)
    return content, storages


def _load(file):
    _check_memo(file)
    return _Unpickler(file).load()


def _check_memo(file):
    """Checks the pickle that begins here, and returns to its beginning.

    The unpickler has a table as long as the highest number in it, which four
    bytes can make 64 GB.

    Raises:
        ValueError: If there are numbers that no checkpoint has, or it is no
            pickle.
    """
    start = file.tell()
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in _MEMO_CODES and argument > _MAX_MEMO:
            raise ValueError(f"it has an object number {argument:,}")
    file.seek(start)


class _RecordingUnpickler(_Unpickler):
    """Remembers the storages, whose bytes follow the pickle."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def persistent_load(self, pid):
        storage = super().persistent_load(pid)
        self.storages[storage.key] = storage
        return storage


def _state_dict(content):
    """Finds the dictionary of tensors inside what was pickled."""
    for wrapper in _WRAPPERS:
        inner = content.get(wrapper) if isinstance(content, dict) else None
        content = inner if isinstance(inner, dict) else content
    if not isinstance(content, dict):
        raise ValueError("it holds no dictionary of tensors")
    tensors = {k: v for k, v in content.items() if isinstance(v, _Tensor)}
    if not tensors:
        raise ValueError("it holds no tensors")
    if all(key.startswith("module.") for key in tensors):
        tensors = {k.removeprefix("module."): v for k, v in tensors.items()}
    return tensors


def _check_size(tensors):
    size = sum(
        math.prod(tensor.shape) * _DTYPES[tensor.storage.kind].itemsize
        for tensor in tensors.values()
    )
    if size > _MAX_BYTES:
        raise ValueError(f"its tensors claim {size:,} bytes")


def _materialize(tensor, storages):
    """Copies one tensor out of its storage, within the storage's bounds."""
    storage, offset, shape, strides = tensor
    dtype = _DTYPES[storage.kind]
    data = storages[storage.key]
    if len(data) != storage.size * dtype.itemsize:
        raise ValueError(f"storage {storage.key} is truncated")
    last = offset + sum(
        (side - 1) * stride for side, stride in zip(shape, strides, strict=True)
    )
    if (
        min((offset, *shape, *strides)) < 0
        or math.prod(shape) > storage.size
        or (math.prod(shape) and last >= storage.size)
    ):
        raise ValueError(f"a tensor reaches outside of storage {storage.key}")
    flat = np.frombuffer(data, dtype)
    array = np.lib.stride_tricks.as_strided(
        flat[offset:], shape, [stride * dtype.itemsize for stride in strides]
    ).copy()
    if storage.kind == "BFloat16Storage":
        # bfloat16 is the upper half of a float32.
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array
