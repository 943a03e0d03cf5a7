"""Starts the second process, and shows how far it is."""

from __future__ import annotations

import collections
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

from keras_mobilevit.compression.job import MARK
from keras_mobilevit.progress import progress_bar

_MODULES = ("tensorflow_model_optimization", "tf_keras", "tensorflow")
# Lines of the process that are told if it fails.
_LINES = 20


def require_tfmot() -> None:
    """Checks that the extra is there, and imports none of it.

    Raises:
        ImportError: If a package is missing; the message names the command.
    """
    missing = [m for m in _MODULES if importlib.util.find_spec(m) is None]
    if missing:
        raise ImportError(
            f"{missing[0]} is missing: run "
            '`pip install "keras-mobilevit[compress]"`.'
        )


def run_worker(folder: pathlib.Path) -> None:
    """Runs the job of a folder in a process that has tf_keras as its Keras.

    Args:
        folder: With what `job.Folder` says.

    Raises:
        ValueError: If the process refuses the model, the job or a file.
        RuntimeError: If it fails; the message has the end of what it said.
    """
    said = collections.deque(maxlen=_LINES)
    refusal = stage = None
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "keras_mobilevit.compression.tfmot_worker",
            folder,
        ],
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            # Without it tfmot does not even import.
            "TF_USE_LEGACY_KERAS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        with process, progress_bar(desc="starting") as bar:
            for line in process.stdout:
                if not line.startswith(MARK):
                    said.append(line.rstrip())
                    continue
                message = json.loads(line.removeprefix(MARK))
                if "error" in message:
                    refusal = message["error"]
                    continue
                if message["stage"] != stage:
                    stage = message["stage"]
                    bar.reset(message["total"])
                    bar.set_description(stage)
                bar.update(message["done"] - bar.n)
    finally:
        process.kill()
    if refusal is not None:
        raise ValueError(refusal)
    if process.returncode:
        raise RuntimeError(
            "The process that compresses failed with status "
            f"{process.returncode}. The last of what it said:\n"
            + "\n".join(said)
        )
