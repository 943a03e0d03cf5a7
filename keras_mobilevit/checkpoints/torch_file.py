"""Reads files written by `torch.save`, without PyTorch, running nothing.

A pickle can call any function of any module. The unpickler below knows only
the handful of names that a dictionary of tensors needs, and those that trainers
put beside them, each as an inert stand-in. It refuses the file at the first
other name.
"""

from __future__ import annotations

import collections
import io
import math
import os
import pathlib
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
# Keys under which trainers keep the weights: the exponential moving average, of
# which timm (the first and the last key) loads it before any other and cvnets
# (the second) saves its best model, and the weights themselves.
_EMA_WRAPPERS = ("state_dict_ema", "ema_state_dict", "model_ema")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
# What compilers and containers put in front of every key.
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "net.")
# What PyTorch's `AveragedModel` counts beside its weights.
_EMA_COUNTER = "n_averaged"
# What trainers save beside the weights; none of it is made.
_STOOD_IN_FOR = frozenset(
    {
        "_codecs.encode",
        "argparse.Namespace",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "numpy.ndarray",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
        "torch.Size",
        "torch.device",
    }
)

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


class _Inert(dict):
    """Stands in for an object: takes all that a pickle tells it, and is empty.

    It is what the name of a class or function resolves to, too.
    """

    def __new__(cls, *_, **__):
        return super().__new__(cls)

    def __init__(self, *_, **__):
        super().__init__()

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass


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
        if f"{module}.{name}" in _STOOD_IN_FOR:
            return _Inert
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


class TorchContent(NamedTuple):
    """What `read_torch` read.

    Attributes:
        tensors: Arrays by state dict key.
        has_both: Whether the file holds both weights and an average of them.
    """

    tensors: dict[str, np.ndarray]
    has_both: bool


def read_torch(
    path: str | pathlib.Path, *, ema: bool | None = None
) -> TorchContent:
    """Reads the tensors of a `torch.save` file.

    Both formats are read: the zip archive, and the plain pickle from before
    PyTorch 1.6. bfloat16 becomes float32. Wrappers (`{"state_dict": ...}`,
    `{"model": ...}`) and prefixes of all keys (`module.`, `_orig_mod.`,
    `model.`, `backbone.`, `net.`) are taken off.

    Args:
        path: The file.
        ema: As in `keras_mobilevit.checkpoints.read_tensors`.

    Raises:
        ValueError: If the file is damaged, holds no tensors or not those that
            `ema` asks for, or refers to anything but tensors and what
            trainers keep beside them.
    """
    try:
        with open(path, "rb") as file:
            is_zip = file.read(2) == b"PK"
            file.seek(0)
            if is_zip:
                content, storages = _read_zip(file)
            else:
                content, storages = _read_legacy(file)
        tensors, has_both = _state_dict(content, ema)
        _check_size(tensors)
        tensors = {
            key: _materialize(value, storages) for key, value in tensors.items()
        }
    # Unpickling damaged bytes can end in nearly any exception.
    except Exception as error:
        raise ValueError(
            f"Cannot read {path} as a PyTorch checkpoint: {error}."
        ) from error
    return TorchContent(tensors, has_both)


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


def _state_dict(content, ema):
    """Finds the dictionary of tensors inside what was pickled.

    Returns:
        It, and whether there are both weights and an average of them.
    """
    averages = _unwrap(content, _EMA_WRAPPERS)
    weights = _unwrap(content, _WRAPPERS)
    if ema and averages is None:
        raise ValueError(
            "it holds no exponential moving average of its weights, which "
            "`ema=True` asks for: leave it out"
        )
    if ema is False and averages is not None and weights is None:
        raise ValueError(
            "it holds nothing but an exponential moving average of weights, "
            "which `ema=False` does not want: leave it out"
        )
    if averages is not None and ema is not False:
        content = averages
    # Wrappers are wrapped, too.
    while (inner := _unwrap(content, _WRAPPERS)) is not None:
        content = inner
    if not isinstance(content, dict):
        raise ValueError("it holds no dictionary of tensors")
    tensors = {
        key: value
        for key, value in content.items()
        if isinstance(value, _Tensor) and key != _EMA_COUNTER
    }
    if not tensors:
        raise ValueError("it holds no tensors")
    while prefix := _common_prefix(tensors):
        tensors = {k.removeprefix(prefix): v for k, v in tensors.items()}
    return tensors, averages is not None and weights is not None


def _unwrap(content, wrappers):
    """The first dictionary under one of some keys, or `None`."""
    if not isinstance(content, dict):
        return None
    inner = (content.get(wrapper) for wrapper in wrappers)
    return next((i for i in inner if isinstance(i, dict) and i), None)


def _common_prefix(keys):
    return next(
        (p for p in _PREFIXES if all(key.startswith(p) for key in keys)), None
    )


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
