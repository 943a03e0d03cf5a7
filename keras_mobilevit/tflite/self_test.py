"""Whether a file gives here what it gave, for a known input, where it was made.

The input follows a formula of integers, so that a phone or a web page produces
the same bytes. `MODEL_INFO.md` documents the JSON form.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.interpreters import make_interpreter
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.self_test_values import (
    DIFFERENT,
    IDENTICAL,
    OUTPUT,
    SOFTMAX_INPUT,
    VERDICTS,
    WITHIN,
    little_endian,
    run_self_test,
    softmax_steps,
    sqnr,
    take_samples,
)


@dataclasses.dataclass(frozen=True)
class OutputCheck:
    """One output in comparison with the recorded one.

    Attributes:
        verdict: `"identical"`, `"within"` the expected deviation, or
            `"different"`.
        sqnr: Signal to noise against the recorded values in dB, 200 at most.
        least_sqnr: From this on the output is within the expected deviation.
        covers: `"output"`, or `"softmax_input"` for what a final softmax got.
    """

    verdict: str
    sqnr: float
    least_sqnr: float
    covers: str


@dataclasses.dataclass(frozen=True)
class SelfTest:
    """Result of a file's self-test on this machine.

    Attributes:
        verdict: The worst of all outputs.
        expected: `"identical"` for files that give the same on every
            processor, `"within"` for all others.
        outputs: Name of an output to its comparison.
        runtime: Runtime that recorded the outputs, with its version.

    Example:
        >>> from keras_mobilevit import tflite
        >>> tflite.SelfTest("within", "identical", {}, "LiteRT 2.3.0").passed
        False
    """

    verdict: str
    expected: str
    outputs: Mapping[str, OutputCheck]
    runtime: str

    @property
    def passed(self) -> bool:
        """Whether the verdict is at least what is expected."""
        return VERDICTS.index(self.verdict) <= VERDICTS.index(self.expected)


def check_self_test(path: str | os.PathLike, num_threads: int = 1) -> SelfTest:
    """Runs a file on the input of its self-test and compares the outputs.

    Args:
        path: A `.tflite` file with a self-test.
        num_threads: Threads of the interpreter, from 1.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file has no self-test, or one that does not fit its
            outputs, or cannot be run.
        ImportError: If LiteRT is missing.

    Example:
        >>> import keras
        >>> from keras_mobilevit import tflite
        >>> model = keras.models.load_model("classifier.keras")
        >>> path = tflite.export_tflite(model, "exported.tflite", "float32")
        >>> tflite.check_self_test(path).verdict
        'identical'
    """
    info = read_metadata(path) or ModelInfo()
    if not info.self_test:
        raise ValueError(
            f"{path} has no self-test: export it with keras_mobilevit 0.2 or "
            "newer."
        )
    outputs = run_self_test(make_interpreter(path, num_threads), info.image)
    try:
        runtime = str(info.self_test["runtime"])
        expected = info.self_test["expected"]
        if expected not in (IDENTICAL, WITHIN):
            raise ValueError(f"received expected={expected!r}")
        recorded = info.self_test["outputs"]
        if recorded.keys() != outputs.keys():
            raise ValueError(
                f"expected the outputs {list(outputs)}, received "
                f"{list(recorded)}"
            )
        checks = {
            name: compare_output(values, recorded[name])
            for name, values in outputs.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The self-test in {path} can not be read: {error}"
        ) from error
    worst = max(
        (check.verdict for check in checks.values()), key=VERDICTS.index
    )
    return SelfTest(worst, expected, checks, runtime)


def compare_output(
    values: np.ndarray, recorded: Mapping[str, Any]
) -> OutputCheck:
    """Compares an output with its record.

    Args:
        values: Values of the output, as they are in its tensor.
        recorded: JSON object that `record_output` made, and what beside it
            `MODEL_INFO.md` documents.

    Raises:
        ValueError: If the record can not be read; likewise AttributeError,
            KeyError and TypeError.
    """
    covers = recorded["covers"]
    if covers == SOFTMAX_INPUT:
        scale = float(recorded["scale"])
        if not scale > 0:
            raise ValueError(f"expected a scale above 0, received {scale}")
        values = softmax_steps(values, scale)
    elif covers != OUTPUT:
        raise ValueError(f"received covers={covers!r}")
    data = little_endian(values).tobytes()
    dtype, shape = recorded["dtype"], tuple(recorded["shape"])
    if (values.dtype.name, values.shape) != (dtype, shape):
        raise ValueError(
            f"expected {values.dtype.name} of shape {values.shape}, received "
            f"{dtype} of shape {shape}"
        )
    if "values" in recorded:
        expected = _decode(recorded["values"])
        same, actual = data == expected, values.ravel()
    else:
        expected = _decode(recorded["samples"])
        same = hashlib.sha256(data).hexdigest() == recorded["sha256"]
        actual = take_samples(values)
    expected = np.frombuffer(expected, little_endian(values).dtype)
    if expected.shape != actual.shape:
        raise ValueError(
            f"expected {actual.size} values, received {expected.size}"
        )
    measured = sqnr(expected, actual)
    least = float(recorded["least_sqnr_db"])
    if same:
        verdict = IDENTICAL
    elif measured >= least:
        verdict = WITHIN
    else:
        verdict = DIFFERENT
    return OutputCheck(verdict, min(measured, 200.0), least, covers)


def _decode(text):
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"expected base64 ({error})") from error
