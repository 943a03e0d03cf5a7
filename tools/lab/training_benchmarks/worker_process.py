"""The worker processes, seen from the one that compares them."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from training_benchmarks.implementations import (
    Implementation,
    huggingface_config,
    part_shapes,
)

WORKER = pathlib.Path(__file__).with_name("step_worker.py")


class WorkerError(RuntimeError):
    """A worker that can not start, or that ended; the message says why."""


class Worker:
    """One implementation in a process that waits between two steps.

    Args:
        implementation: What trains.
        variant: Name such as `"mobilevit_xxs"`.
        size: Side of the images, in pixels.
        batch_size: Images in a step.
        threads: Cores that the process may use.
        device: `"cpu"` or `"gpu"`.
        dtype: `"float32"`, or `"bfloat16"` for mixed precision.
        part: `"step"` for a whole training step, or one of `PARTS`.
    """

    def __init__(
        self,
        implementation: Implementation,
        *,
        variant: str,
        size: int,
        batch_size: int,
        threads: int,
        device: str = "cpu",
        dtype: str = "float32",
        part: str = "step",
    ):
        settings = {
            **dataclasses.asdict(implementation),
            "variant": variant,
            "size": size,
            "batch_size": batch_size,
            "threads": threads,
            "device": device,
            "dtype": dtype,
            "part": part,
            "shapes": part_shapes(variant, size)._asdict(),
            "huggingface_config": huggingface_config(variant, size),
        }
        self._log = tempfile.TemporaryFile("w+", errors="replace")
        self._process = subprocess.Popen(
            [sys.executable, WORKER, json.dumps(settings)],
            env={
                **os.environ,
                **_environment(implementation, threads, device),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def read(self) -> dict[str, Any]:
        """Waits for the next answer; the first comes without asking.

        Raises:
            WorkerError: If the process ended instead.
        """
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._log.seek(0)
        lines = [text.strip() for text in self._log if text.strip()]
        if code < 0 or not lines:
            raise WorkerError(
                f"ended by signal {-code}" if code < 0 else f"exit code {code}"
            )
        raise WorkerError(lines[-1])

    def step(self) -> dict[str, Any]:
        """Has it train on one batch and returns its answer.

        Raises:
            WorkerError: If the process ended instead.
        """
        try:
            self._process.stdin.write("step\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # It has ended; why, `read` will say.
        return self.read()

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()
        self._log.close()


def _environment(implementation, threads, device="cpu"):
    """Variables that keep it to the processor, and quiet while it waits."""
    processor = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    # Several processes share a GPU: none may take all of its memory.
    shared = {
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    return {
        **(shared if device == "gpu" else processor),
        "KERAS_BACKEND": implementation.backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        # Threads that spin for work would slow down whoever is measured.
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
    }
