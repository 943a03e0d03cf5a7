"""Start-up time and memory of one file, in a process of its own.

Files that share a process also share its memory and its warm start, so each
measurement starts a new process. The child process runs this module, which must
not import Keras: its hundreds of megabytes would hide the memory of the file.
NumPy and LiteRT are all that it needs.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import numpy as np

REPEATS = 3


@dataclasses.dataclass(frozen=True)
class FreshStart:
    """What one file needs to start; the memory is `None` where unknown.

    The names are those of `LatencyMetrics` and `MemoryMetrics` in
    TensorFlow's `benchmark_result.proto`.

    Attributes:
        init_ms: Time to create the interpreter and allocate its tensors.
        first_inference_ms: Time of the first inference.
        init_footprint_kb: Peak resident memory after initialization, less
            that of a process which only imported NumPy and LiteRT.
        overall_footprint_kb: The same difference after the first inference.
        peak_mem_mb: Peak resident memory of the whole process, in MiB.
    """

    init_ms: float
    first_inference_ms: float
    init_footprint_kb: float | None = None
    overall_footprint_kb: float | None = None
    peak_mem_mb: float | None = None


def measure_fresh_start(
    path: str | os.PathLike, num_threads: int = 1, repeats: int = REPEATS
) -> FreshStart:
    """Starts a file several times, each time in a new process.

    Args:
        path: A `.tflite` file.
        num_threads: Threads of the interpreter.
        repeats: Number of starts; each figure is the median over them.

    Raises:
        ValueError: If the file can not be run; the message says why.
    """
    starts = [_start(path, num_threads) for _ in range(repeats)]
    return FreshStart(
        **{
            name: None if None in series else statistics.median(series)
            for name, *series in zip(
                starts[0], *(start.values() for start in starts), strict=True
            )
        }
    )


def _start(path, num_threads):
    child = subprocess.run(
        [sys.executable, "-m", __name__, os.fspath(path), str(num_threads)],
        capture_output=True,
        text=True,
    )
    if child.returncode:
        lines = child.stderr.strip().splitlines() or ["no message"]
        raise ValueError(
            f"{path} can not be started in a process of its own, which ended "
            f"with code {child.returncode}: {lines[-1]}"
        )
    return json.loads(child.stdout.splitlines()[-1])


def feed_noise(interpreter) -> None:
    """Sets every input to uint8-range noise, with a batch of one.

    Args:
        interpreter: LiteRT interpreter with allocated tensors.

    Raises:
        ValueError: If an input is dynamic beyond its batch, or holds no
            numbers that pixels could be.
    """
    rng = np.random.default_rng(0)
    details = interpreter.get_input_details()
    for tensor in details:
        batch, *sides = tensor["shape_signature"]
        if -1 in sides:
            raise ValueError(
                "Expected inputs of fixed size but for the batch. Received: "
                f"{tensor['name']} of shape {[batch, *sides]}"
            )
        if batch == -1:
            interpreter.resize_tensor_input(tensor["index"], [1, *sides])
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        dtype = np.dtype(tensor["dtype"])
        if dtype.kind not in "iuf":
            raise ValueError(
                "Expected inputs that could be pixels. Received: "
                f"{tensor['name']} of type {dtype}"
            )
        noise = rng.integers(0, 256, tensor["shape"], np.uint8)
        if dtype == np.int8:
            noise = noise.astype(np.int16) - 128
        interpreter.set_tensor(tensor["index"], noise.astype(dtype))


def _main(path: str, num_threads: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    before = _peak_kb()
    started = time.perf_counter()
    interpreter = Interpreter(model_path=path, num_threads=int(num_threads))
    interpreter.allocate_tensors()
    initialized, init = time.perf_counter(), _peak_kb()
    feed_noise(interpreter)
    fed = time.perf_counter()
    interpreter.invoke()
    invoked, overall = time.perf_counter(), _peak_kb()
    start = FreshStart(
        init_ms=1000 * (initialized - started),
        first_inference_ms=1000 * (invoked - fed),
    )
    if before is not None:
        start = dataclasses.replace(
            start,
            init_footprint_kb=init - before,
            overall_footprint_kb=overall - before,
            peak_mem_mb=overall / 1024,
        )
    # The parent reads the last line: LiteRT may have written others.
    sys.stdout.write(json.dumps(dataclasses.asdict(start)))


def _peak_kb():
    """Peak resident memory; `ru_maxrss` would include the parent's."""
    status = pathlib.Path("/proc/self/status")
    if not status.is_file():
        return None
    return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1])


if __name__ == "__main__":
    _main(*sys.argv[1:])
