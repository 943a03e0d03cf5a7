"""Reads HDF5 files of others, without being ended by a damaged one.

libhdf5 crashes on about one damaged file in five. It runs in a process of its
own, with limits of memory and time; only files that are known by their hash
are read here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from keras_mobilevit.architectures import embedded_weights
from keras_mobilevit.checkpoints import hdf5_process

MAGIC = b"\x89HDF\r\n\x1a\n"
# Even where the process waits and does not compute.
_TIMEOUT_S = 120
# No embedded file is larger.
_MOST_BYTES = 2**23


@dataclasses.dataclass(frozen=True, eq=False)
class HDF5Content:
    """What is in a file.

    Attributes:
        groups: Path of each group, `""` for the file itself, to its
            attributes: texts, numbers and lists of numbers, and `None` for
            any other.
        datasets: Path to array, which can not be written to.
    """

    groups: dict[str, dict[str, Any]]
    datasets: dict[str, np.ndarray]

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the file itself."""
        return self.groups[""]


def is_hdf5(path: str | os.PathLike) -> bool:
    """Whether a file begins as HDF5 does."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_hdf5(source: str | os.PathLike | bytes) -> HDF5Content:
    """Reads a whole HDF5 file.

    Args:
        source: Path, or the bytes of the file.

    Returns:
        Its contents. Those of the last path, or what is wrong with it, are
        kept, and given again while the file stays as it is.

    Raises:
        ValueError: If the file is damaged, refers to another, or holds more
            than half a gigabyte.
        OSError: If it can not be read, or no process started.
    """
    if isinstance(source, bytes):
        return _read(source)
    path = os.path.realpath(source)
    facts = os.stat(path)
    key = path, facts.st_ino, facts.st_size, facts.st_mtime_ns
    # Loading a file asks for its contents several times.
    if key not in _outcomes:
        _outcomes.clear()
        try:
            _outcomes[key] = _read(path)
        except ValueError as error:
            _outcomes[key] = str(error)
    outcome = _outcomes[key]
    if isinstance(outcome, str):
        raise ValueError(outcome)
    return outcome


# Of the file that was read last.
_outcomes: dict[tuple, HDF5Content | str] = {}


def find_embedded(source: str | os.PathLike | bytes) -> tuple[str, str] | None:
    """Recognizes a weights file of this package, or a copy of it.

    Args:
        source: As in `read_hdf5`.

    Returns:
        Name of the weights and of the variant; `None` for all other files.
    """
    data = source
    if not isinstance(source, bytes):
        if os.path.getsize(source) > _MOST_BYTES:
            return None
        data = pathlib.Path(source).read_bytes()
    return embedded_weights().get(hashlib.sha256(data).hexdigest())


def _read(source):
    if find_embedded(source):
        with hdf5_process.open_file(source) as file:
            groups, datasets = hdf5_process.list_contents(file)
            arrays = {name: item[()] for name, item in datasets.items()}
        for array in arrays.values():
            array.flags.writeable = False
        return HDF5Content(groups, arrays)
    with tempfile.TemporaryFile() as output:
        _run(source, output)
        output.seek(0)
        try:
            return _parse(output)
        # Of a process that did not come to its end.
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"it can not be read ({error!r})") from error


def _run(source, output):
    in_memory = isinstance(source, bytes)
    try:
        code = subprocess.run(
            [
                sys.executable,
                "-S",  # what this process found is found without it
                hdf5_process.__file__,
                "-" if in_memory else source,
            ],
            input=source if in_memory else b"",
            stdout=output,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                # Each thread would take some of the memory that is allowed.
                "OPENBLAS_NUM_THREADS": "1",
            },
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"reading it takes over {_TIMEOUT_S} s") from error
    if code:
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        raise ValueError(f"libhdf5 crashes on it, with {how}")


def _parse(output):
    header = json.loads(output.readline())
    if "error" in header:
        raise ValueError(header["error"])
    arrays = {}
    for name, dtype, shape in header["datasets"]:
        dtype = np.dtype(dtype)
        data = output.read(dtype.itemsize * math.prod(shape))
        arrays[name] = np.frombuffer(data, dtype).reshape(shape)
    return HDF5Content(header["groups"], arrays)
