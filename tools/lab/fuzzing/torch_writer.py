"""Writes what `torch.save` writes, without PyTorch."""

from __future__ import annotations

import contextlib
import io
import pathlib
import pickle
import sys
import types
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


class _Storage:
    def __init__(self, key, array):
        self.key, self.array = key, array


class _Tensor:
    def __init__(self, storage):
        self.storage = storage

    def __reduce__(self):
        array = self.storage.array
        strides = tuple(side // array.itemsize for side in array.strides)
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.storage, 0, array.shape, strides, False, {})


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        kind = sys.modules["torch"].FloatStorage
        pid = ("storage", kind, obj.key, "cpu", obj.array.size)
        return pid if self.is_zip else (*pid, None)


@contextlib.contextmanager
def _torch_names() -> Iterator[None]:
    """Inside, there are the names that pickles of PyTorch refer to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    torch._utils = utils

    def _rebuild_tensor_v2():
        """Pickled by its name alone; nothing here calls it."""

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    names = {"torch": torch, "torch._utils": utils}
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


def write_torch(
    path: pathlib.Path, tensors: Mapping[str, np.ndarray], *, is_zip: bool
) -> None:
    """Writes float32 arrays in the format of now, or before PyTorch 1.6."""
    storages = [
        _Storage(str(i), np.ascontiguousarray(array, "<f4"))
        for i, array in enumerate(tensors.values())
    ]
    content = {
        "state_dict": dict(zip(tensors, map(_Tensor, storages), strict=True))
    }
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, 2)
    pickler.is_zip = is_zip
    with _torch_names():
        pickler.dump(content)
    if is_zip:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", buffer.getvalue())
            archive.writestr("archive/byteorder", "little")
            for storage in storages:
                name = f"archive/data/{storage.key}"
                archive.writestr(name, storage.array.tobytes())
        return
    with path.open("wb") as file:
        for part in (_MAGIC_NUMBER, _PROTOCOL, {"little_endian": True}):
            pickle.dump(part, file, 2)
        file.write(buffer.getvalue())
        pickle.dump([storage.key for storage in storages], file, 2)
        for storage in storages:
            file.write(storage.array.size.to_bytes(8, "little"))
            file.write(storage.array.tobytes())
