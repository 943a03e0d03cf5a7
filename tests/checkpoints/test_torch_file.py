"""The reader of torch.save files: right where it reads, and inert."""

import argparse
import io
import os
import pathlib
import pickle
import sys
import types
import warnings
import zipfile

import numpy as np
import pytest
import synthetic

from keras_mobilevit.checkpoints import read_tensors, torch_file
from keras_mobilevit.checkpoints.readers import file_kind

WRITERS = {
    "zip": synthetic.write_torch_zip,
    "legacy": synthetic.write_torch_legacy,
}


def read_torch(path, **options):
    return torch_file.read_torch(path, **options).tensors


def arrays():
    rng = np.random.default_rng(0)
    # Not contiguous: a transposed view of its storage.
    tensors = {"view": rng.normal(size=(3, 4)).astype("f4").T}
    for code in ("f4", "f2", "f8", "i8", "i4", "u1", "b1"):
        tensors[code] = (rng.normal(size=(2, 3)) * 9).astype(code)
    tensors["scalar"] = np.array(5, np.int64)
    return tensors


@pytest.mark.parametrize("format", WRITERS)
def test_reads_every_dtype_and_strides(tmp_path, format):
    WRITERS[format](tmp_path / "file", arrays())
    assert file_kind(tmp_path / "file") == "torch"
    found = read_torch(tmp_path / "file")
    assert list(found) == list(arrays())
    for key, array in arrays().items():
        assert found[key].dtype == array.dtype
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("format", WRITERS)
def test_widens_bfloat16(tmp_path, format):
    bits = np.array([0x3FC0, 0xC020, 0x0000], np.uint16)  # 1.5, -2.5, 0
    WRITERS[format](tmp_path / "file", {"a": bits})
    found = read_torch(tmp_path / "file")["a"]
    assert found.dtype == np.float32
    assert found.tolist() == [1.5, -2.5, 0.0]


def test_reads_an_offset_into_a_storage(tmp_path):
    values = np.arange(6, dtype="f4")
    synthetic.write_torch_zip(
        tmp_path / "file", {"a": values}, offset=2, shape=(2, 2), strides=(2, 1)
    )
    found = read_torch(tmp_path / "file")["a"]
    assert found.tolist() == [[2.0, 3.0], [4.0, 5.0]]


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_unwraps(tmp_path, wrapper):
    values = np.arange(6, dtype="f4")
    body, _ = synthetic.tensor_pickle({"module.stem.weight": values})
    # {"epoch": 3, wrapper: {...}}, assembled around the inner pickle.
    name = wrapper.encode()
    outer = b"\x80\x02}(X\x05\0\0\0epochK\x03X" + bytes([len(name), 0, 0, 0])
    content = outer + name + body[2:-1] + b"u."
    path = tmp_path / "file"
    synthetic.write_torch_zip(path, {"module.stem.weight": values}, content)
    found = read_torch(path)
    assert list(found) == ["stem.weight"]
    np.testing.assert_array_equal(found["stem.weight"], values)


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": (7,)},
        {"offset": 1},
        {"offset": -1},
        {"strides": (2,)},
        {"strides": (-1,)},
        {"shape": (1000,), "strides": (0,)},
        {"shape": (2, 3)},
    ],
    ids=str,
)
def test_refuses_tensors_out_of_bounds(tmp_path, fields):
    tensors = {"a": np.arange(6, dtype="f4")}
    synthetic.write_torch_zip(tmp_path / "file", tensors, **fields)
    with pytest.raises(ValueError, match="Cannot read .*file"):
        read_torch(tmp_path / "file")


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("format", [*WRITERS, "raw"])
def test_hostile_pickle_is_refused_and_does_not_run(tmp_path, format):
    witness, path = tmp_path / "witness", tmp_path / "file.pt"
    content = pickle.dumps({"a": Hostile(witness)}, protocol=2)
    if format == "raw":
        path.write_bytes(content)
    else:
        WRITERS[format](path, {}, content)
    with pytest.raises(ValueError, match=rf"`{os.system.__module__}\.system`"):
        read_torch(path)
    assert not witness.exists()
    # The payload is live: an ordinary unpickler does run it.
    pickle.loads(content)
    assert witness.exists()


@pytest.mark.parametrize(
    "name",
    ["builtins.eval", "torch.load", "torch._utils.os", "numpy.frombuffer"],
)
def test_refuses_other_globals(tmp_path, name):
    module, _, attribute = name.rpartition(".")
    content = f"\x80\x02c{module}\n{attribute}\n.".encode("latin-1")
    synthetic.write_torch_zip(tmp_path / "file", {}, content)
    with pytest.raises(ValueError, match=f"`{name}`"):
        read_torch(tmp_path / "file")


@pytest.mark.parametrize("content", [[1, 2], {"lr": 0.1}, {}], ids=str)
def test_refuses_files_without_tensors(tmp_path, content):
    path = tmp_path / "file"
    synthetic.write_torch_zip(path, {}, pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match="holds no"):
        read_torch(path)


@pytest.mark.parametrize("format", WRITERS)
def test_truncated_anywhere(tmp_path, format):
    path = tmp_path / "file"
    WRITERS[format](path, {"a": np.arange(60, dtype="f4")})
    content = path.read_bytes()
    for size in range(1, len(content) - 1, 7):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match="Cannot read"):
            read_torch(path)


@pytest.mark.parametrize("format", WRITERS)
def test_reads_what_torch_writes(tmp_path, format):
    torch = pytest.importorskip("torch")
    kept = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    tensors = {
        "view": kept[:, 1:].transpose(0, 2),
        "same storage": kept[1],
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "bfloat16": torch.tensor([1.5, -2.5]).bfloat16(),
        "half": torch.tensor([1.5, -2.5]).half(),
        "counter": torch.tensor(3),
        "flags": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
    }
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1, device="cpu"))
    tensors.update(module.state_dict())
    path = tmp_path / "file"
    with warnings.catch_warnings():
        # torch itself warns about the storages of its own old format.
        warnings.simplefilter("ignore")
        torch.save(
            tensors, path, _use_new_zipfile_serialization=format == "zip"
        )
    found = read_torch(path)
    assert list(found) == list(tensors)
    for key, tensor in tensors.items():
        tensor = tensor.detach()
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        assert found[key].dtype == tensor.numpy().dtype, key
        np.testing.assert_array_equal(found[key], tensor.numpy())


def test_reads_the_state_dict_of_a_torch_module(tmp_path):
    torch = pytest.importorskip("torch")
    # An OrderedDict with an attribute, unlike a plain dict.
    state = torch.nn.BatchNorm2d(3).state_dict()
    torch.save({"state_dict": state}, tmp_path / "file")
    found = read_torch(tmp_path / "file")
    assert found["running_var"].tolist() == [1.0, 1.0, 1.0]
    assert found["num_batches_tracked"].shape == ()


class FloatStorage:
    """A storage of PyTorch, by its name."""


def rebuild(storage, offset, shape, strides, *_):
    """What PyTorch's `_rebuild_tensor_v2` is called with."""


def write_training_checkpoint(path, monkeypatch, content):
    """Writes a nested dict as `torch.save` does; arrays become tensors."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, rebuild
    torch._utils = utils
    monkeypatch.setattr(FloatStorage, "__module__", "torch")
    monkeypatch.setattr(rebuild, "__module__", "torch._utils")
    monkeypatch.setattr(rebuild, "__qualname__", "_rebuild_tensor_v2")
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            if not isinstance(item, tuple) or item[:1] != ("storage",):
                return None
            return ("storage", FloatStorage, item[1], "cpu", item[2])

        def reducer_override(self, item):
            if type(item) is not np.ndarray or item.dtype != np.float32:
                return NotImplemented
            key = str(len(storages))
            storages[key] = item.tobytes()
            strides = tuple(n // item.itemsize for n in item.strides)
            storage = ("storage", key, item.size)
            return rebuild, (storage, 0, item.shape, strides)

    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)


RAW, EMA = np.float32([1, 2]), np.float32([3, 4])


def test_reads_the_checkpoint_of_a_trainer(tmp_path, monkeypatch):
    content = {
        "epoch": 3,
        "arch": "mobilevit_xxs",
        "state_dict": {"stem.weight": RAW},
        "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]},
        "args": argparse.Namespace(lr=0.1, output=pathlib.PosixPath("out")),
        "metric": np.float64(71.5),
        "history": np.arange(3),
    }
    write_training_checkpoint(tmp_path / "file", monkeypatch, content)
    found = read_torch(tmp_path / "file")
    assert list(found) == ["stem.weight"]
    np.testing.assert_array_equal(found["stem.weight"], RAW)


@pytest.mark.parametrize(
    "key", ["state_dict_ema", "ema_state_dict", "model_ema"]
)
def test_says_which_weights_it_takes(tmp_path, monkeypatch, key):
    content = {"model": {"a": RAW}, key: {"module.a": EMA}}
    path = tmp_path / "file"
    write_training_checkpoint(path, monkeypatch, content)
    with pytest.warns(UserWarning, match=r"average was taken.*ema=False"):
        np.testing.assert_array_equal(read_tensors(path)["a"], EMA)
    # Whoever chooses is not warned.
    np.testing.assert_array_equal(read_tensors(path, ema=False)["a"], RAW)
    np.testing.assert_array_equal(read_tensors(path, ema=True)["a"], EMA)


def test_weights_that_are_not_there_are_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_training_checkpoint(path, monkeypatch, {"model_ema": {"a": EMA}})
    np.testing.assert_array_equal(read_tensors(path)["a"], EMA)
    with pytest.raises(ValueError, match="nothing but an .*average"):
        read_tensors(path, ema=False)
    for content in ({"model": {"a": RAW}}, {"a": RAW}):
        write_training_checkpoint(path, monkeypatch, content)
        np.testing.assert_array_equal(read_tensors(path, ema=False)["a"], RAW)
        with pytest.raises(ValueError, match="holds no .*average"):
            read_tensors(path, ema=True)


def test_reads_the_averaged_model_of_torch(tmp_path, monkeypatch):
    """`AveragedModel` counts its updates beside `module`."""
    state = {"n_averaged": np.float32([7]), "module.a": EMA}
    path = tmp_path / "file"
    write_training_checkpoint(path, monkeypatch, {"model_ema": state})
    assert list(read_tensors(path)) == ["a"]


@pytest.mark.parametrize("wrapper", ["net", "model_state_dict", "model_ema"])
@pytest.mark.parametrize(
    "prefix", ["_orig_mod.", "model.", "backbone.", "net.", "module._orig_mod."]
)
def test_takes_wrappers_and_prefixes_off(
    tmp_path, monkeypatch, wrapper, prefix
):
    content = {wrapper: {f"{prefix}a": RAW, f"{prefix}b": EMA}}
    write_training_checkpoint(tmp_path / "file", monkeypatch, content)
    assert list(read_torch(tmp_path / "file")) == ["a", "b"]


def test_an_object_number_does_not_reserve_gigabytes(tmp_path):
    # LONG_BINPUT 0x7fffffff: the unpickler would fill a table of 32 GB.
    content = b"\x80\x02}r\xff\xff\xff\x7f."
    synthetic.write_torch_zip(tmp_path / "file", {}, content)
    with pytest.raises(ValueError, match="object number 2,147,483,647"):
        read_torch(tmp_path / "file")
