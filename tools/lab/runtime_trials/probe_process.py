"""One file in one other process, ready to be timed."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import numpy as np

from runtime_trials.runtimes import Runtime

_PROBE = pathlib.Path(__file__).with_name("runtime_probe.py")


class ProbeProcess:
    """A process of `runtime_probe.py` with one file; use it in a `with`.

    Args:
        runtime: The runtime to run it with.
        path: The file, with one picture as its input.
        images: Pixels `(count, height, width, channels)` in [0, 255].

    Attributes:
        outputs: One array an output, `(count, ...)`.
        operations: As `delegated_nodes` takes them.

    Raises:
        ValueError: If the runtime does not run the file; the message is what
            it says.
    """

    def __init__(
        self,
        runtime: Runtime,
        path: str | os.PathLike,
        images: np.ndarray,
    ):
        self._errors = tempfile.TemporaryFile("w+")
        with tempfile.TemporaryDirectory() as folder:
            pictures = pathlib.Path(folder) / "images.npy"
            outputs = pathlib.Path(folder) / "outputs.npz"
            np.save(pictures, images)
            files = (os.path.abspath(path), pictures, outputs)
            self._process = subprocess.Popen(
                [*runtime.python, _PROBE, runtime.module, *files],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
            try:
                self.operations = self._ready()
                with np.load(outputs, allow_pickle=False) as arrays:
                    self.outputs = list(arrays.values())
            except BaseException:
                self.close()
                raise

    def time_once(self) -> float:
        """Runs the file once more; returns milliseconds of processor time."""
        # Where the process has ended, the answer says why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._errors.close()

    def __enter__(self) -> ProbeProcess:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _ready(self):
        answer = json.loads(self._answer())
        if "error" in answer:
            raise ValueError(" ".join(answer["error"].split()))
        return answer["operations"]

    def _answer(self):
        line = self._process.stdout.readline()
        if line:
            return line
        code = self._process.wait()
        if code < 0:
            raise ValueError(f"it ended the process with signal {-code}")
        self._errors.seek(0)
        raise ValueError(self._errors.read().strip().splitlines()[-1])
