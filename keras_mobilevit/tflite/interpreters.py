"""One way to an interpreter, whatever runs the file.

LiteRT's `CompiledModel` is not used: it was nowhere faster than `Interpreter`
(0.96 to 1.00 times its speed), and it ends the process on a damaged file. With
it XNNPACK's weight cache is left aside, which `Interpreter` does not expose.
The cache saved no time from import to first answer, and it does not notice
when a file changes: the new model then answers with the old one's weights.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import sys
from types import ModuleType
from typing import Any

import numpy as np

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.file_check import check_model
from keras_mobilevit.tflite.flatbuffer import read_model
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.op_versions import graph_runtime, parse_version
from keras_mobilevit.tflite.trial_run import try_file

LITERT = "ai-edge-litert"
TFLITE_RUNTIME = "tflite-runtime"
RUNTIMES = (LITERT, TFLITE_RUNTIME)


def make_interpreter(
    path: str | os.PathLike, num_threads: int = 1, runtime: str = LITERT
) -> Any:
    """Returns an allocated interpreter with XNNPACK.

    Args:
        path: The file.
        num_threads: Threads that it may use, from 1.
        runtime: `"ai-edge-litert"`, or `"tflite-runtime"` to see what an old
            device answers. That one is slow with int8, needs NumPy 1, and
            must be imported before TensorFlow.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file, is damaged, or has operations
            that the runtime does not know; or if an argument is not as
            described.
        ImportError: If the runtime is missing or does not fit NumPy.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no .tflite file at {path}.")
    if not isinstance(num_threads, int) or num_threads < 1:
        raise ValueError(
            "`num_threads` must be a whole number from 1. Received: "
            f"num_threads={num_threads}"
        )
    module = _runtime_module(runtime)
    litert = _runtime_module(LITERT)
    try:
        # It alone verifies files; others read past the end of a damaged one,
        # and that ends the process.
        interpreter = litert.Interpreter(
            model_path=os.fspath(path), num_threads=num_threads
        )
    except ValueError as error:
        raise ValueError(
            f"Expected a complete .tflite file at {path}. Received one that "
            f"LiteRT can not read ({error})."
        ) from error
    check_file(path.read_bytes(), path)
    if runtime == TFLITE_RUNTIME:
        _check_age(path, module)
        interpreter = module.Interpreter(
            model_path=os.fspath(path), num_threads=num_threads
        )
    try:
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{runtime} can not run {path}: {error}") from error
    return interpreter


def check_file(data: bytes, name: str | os.PathLike) -> None:
    """Checks a file that LiteRT's verifier has accepted, before it is run.

    Args:
        data: The file.
        name: What to call it.

    Raises:
        ValueError: If it refers to what is not there, or LiteRT can not run it.
    """
    try:
        check_model(read_model(data))
    except ValueError as error:
        raise ValueError(
            f"Expected a complete .tflite file at {name}. Received one that "
            f"contradicts itself: {error}."
        ) from error
    try:
        try_file(data)
    except ValueError as error:
        raise ValueError(f"{LITERT} can not run {name}: {error}") from error


def _runtime_module(runtime: str) -> ModuleType:
    if runtime == LITERT:
        return import_optional("ai_edge_litert.interpreter", extra="runtime")
    if runtime == "tensorflow":
        raise ValueError(
            "`tf.lite.Interpreter` is no runtime to judge files by: that of "
            "TensorFlow 2.21 computes some int8 products wrongly. Use "
            f"runtime={LITERT!r}."
        )
    if runtime != TFLITE_RUNTIME:
        raise ValueError(
            f"`runtime` must be one of {RUNTIMES}. Received: runtime={runtime}"
        )
    # Both of these would import, and fail later and obscurely.
    if int(np.__version__.partition(".")[0]) >= 2:
        raise ImportError(
            "tflite-runtime does not work with NumPy 2: make an environment "
            f"with `numpy<2`. Received: NumPy {np.__version__}"
        )
    name = "tflite_runtime.interpreter"
    if "tensorflow" in sys.modules and name not in sys.modules:
        raise ImportError(
            "tflite-runtime does not work once TensorFlow is loaded: start "
            f"with `import {name}`, or set KERAS_BACKEND to jax or torch."
        )
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"tflite-runtime is missing or broken ({error}): run `pip install "
            'tflite-runtime "numpy<2"`.'
        ) from error


def _check_age(path, module):
    """Refuses a file that the runtime would run, but compute wrongly."""
    package = importlib.import_module(module.__package__)
    needed = graph_runtime(read_graph(path.read_bytes())) or "0"
    if parse_version(needed) > parse_version(package.__version__):
        raise ValueError(
            f"{path} needs TensorFlow Lite {needed} or any LiteRT. Export it "
            'with `compat="2.14"` to run it here. Received: tflite-runtime '
            f"{package.__version__}"
        )
