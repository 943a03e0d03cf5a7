"""HDF5 files of others: all that h5py reads, and nothing ends this process."""

import hashlib
import os
import pathlib

import h5py
import numpy as np
import pytest

from keras_mobilevit import checkpoints
from keras_mobilevit.architectures import embedded_weights
from keras_mobilevit.checkpoints import hdf5, hdf5_process


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_reads_what_h5py_wrote(tmp_path, libver):
    path = tmp_path / "file.h5"
    rng = np.random.default_rng(0)
    arrays = {
        "a/b/contiguous": rng.normal(size=(3, 4)),
        "a/compressed": rng.normal(size=(50, 40)).astype(np.float32),
        "scalar": np.array(7, np.int64),
        "empty": np.zeros((0, 2), np.float16),
    }
    with h5py.File(path, "w", libver=libver) as file:
        file.attrs["text"] = "läuft"
        file.attrs["numbers"] = [1, 2]
        file.attrs["names"] = [b"a", b"b"]
        for name, array in arrays.items():
            options = {}
            if "compressed" in name:
                options = {"compression": "gzip", "shuffle": True}
            file.create_dataset(name, data=array, **options)
        file["a"].attrs["name"] = b"group"
    for source in (path, path.read_bytes()):
        content = hdf5.read_hdf5(source)
        assert content.attributes == {
            "text": "läuft",
            "numbers": [1, 2],
            "names": None,
        }
        assert content.groups["a"] == {"name": "group"}
        assert content.groups.keys() == {"", "a", "a/b"}
        assert content.datasets.keys() == arrays.keys()
        for name, array in arrays.items():
            assert content.datasets[name].dtype == array.dtype
            np.testing.assert_array_equal(content.datasets[name], array)


def test_a_file_that_changes_is_read_anew(tmp_path):
    path = tmp_path / "file.h5"
    for value in (1, 2):
        with h5py.File(path, "w") as file:
            file["a"] = [value] * value
        found = hdf5.read_hdf5(path).datasets["a"]
        assert found.tolist() == [value] * value


def test_no_other_file_is_read(tmp_path):
    path = tmp_path / "file.h5"
    (tmp_path / "secret").write_bytes(bytes(8))
    with h5py.File(path, "w") as file:
        external = [(str(tmp_path / "secret"), 0, 8)]
        file.create_dataset("a", (2,), np.float32, external=external)
    with pytest.raises(ValueError, match="a refers to another file"):
        hdf5.read_hdf5(path)


def test_a_small_file_can_not_claim_gigabytes(tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (2**40,), np.float32, chunks=(1024,))
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match="4,398,046,511,104 bytes"):
        hdf5.read_hdf5(path)


@pytest.mark.skipif(os.name == "nt", reason="there are no signals")
def test_a_crash_is_an_error(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(hdf5_process, "__file__", str(script))
    path = tmp_path / "file.h5"
    path.write_bytes(hdf5.MAGIC + bytes(100))
    with pytest.raises(
        ValueError, match=r"file.h5 is damaged.*crashes on it, with signal 11"
    ):
        checkpoints.read_tensors(path)


def test_embedded_weights_are_known(monkeypatch):
    """They are read without a second process."""
    folder = pathlib.Path(hdf5.__file__).parent / "embedded"
    files = {
        f"{variant}_{name}.weights.h5": digest
        for digest, (name, variant) in embedded_weights().items()
    }
    assert {path.name for path in folder.glob("*.h5")} == files.keys()
    monkeypatch.delattr(hdf5.subprocess, "run")
    for name, digest in files.items():
        data = (folder / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
        assert hdf5.read_hdf5(data).datasets
