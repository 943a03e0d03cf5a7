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
    """

    def __init__(
        self,
        implementation: Implementation,
        *,
        variant: str,
        size: int,
        batch_size: int,
        threads: int,
    ):
        settings = {
            **dataclasses.asdict(implementation),
            "variant": variant,
            "size": size,
            "batch_size": batch_size,
            "threads": threads,
            "huggingface_config": huggingface_config(variant, size),
        }
        self._log = tempfile.TemporaryFile("w+", errors="replace")
        self._process = subprocess.Popen(
            [sys.executable, WORKER, json.dumps(settings)],
            env={**os.environ, **_environment(implementation, threads)},
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


def _environment(implementation, threads):
    """Variables that keep it to the processor, and quiet while it waits."""
    return {
        "KERAS_BACKEND": implementation.backend,
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        # Threads that spin for work would slow down whoever is measured.
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
    }
