"""The reader of torch.save files: right where it reads, and inert."""

import os
import pickle
import warnings

import numpy as np
import pytest
import synthetic

from keras_mobilevit.checkpoints.readers import file_kind
from keras_mobilevit.checkpoints.torch_file import read_torch

WRITERS = {
    "zip": synthetic.write_torch_zip,
    "legacy": synthetic.write_torch_legacy,
}


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
