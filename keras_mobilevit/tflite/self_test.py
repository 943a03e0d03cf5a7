"""What a file gave for a known input: whether another device gives the same.

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
from importlib import metadata
from typing import Any

import numpy as np

from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.pixel_scaling import scaling_of
from keras_mobilevit.tflite.flatbuffer import INT8, op_name, read_model
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.interpreters import LITERT, make_interpreter
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.metrics import decibels
from keras_mobilevit.tflite.runtime import named_outputs, quantize_pixels

IDENTICAL, WITHIN, DIFFERENT = VERDICTS = ("identical", "within", "different")
OUTPUT, SOFTMAX_INPUT = "output", "softmax_input"

# Float operations whose result is the same on every processor: correctly
# rounded, or without rounding, as `quantization.bit_exact_norm` and
# `quantization.integer_softmax` use them.
_EXACT = {
    "ADD",
    "CONCATENATION",
    "DEPTH_TO_SPACE",
    "DEQUANTIZE",
    "DIV",
    "EXP",
    "MEAN",
    "MUL",
    "QUANTIZE",
    "RESHAPE",
    "SPACE_TO_DEPTH",
    "SQRT",
    "TRANSPOSE",
}

# Larger outputs are kept as a hash and so many of their values.
_MAX_BYTES = 4096
_SAMPLES = 256
# A processor that rounds otherwise may add ten times the noise that other
# kernels add here; below the least, the answer is another one.
_MARGIN = 10.0
_LEAST, _LIMIT = 6.0, 100.0
# Below its exponential, a probability in float32 loses digits.
_LOWEST_LOG = -80.0


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


def self_test_input(shape: tuple[int, int, int]) -> np.ndarray:
    """The image of the self-test: coloured stripes, soft as most photos are.

    Args:
        shape: `(height, width, channels)`.

    Returns:
        uint8 array of `shape`. At row y, column x and channel c, with
        t = (512 x // width * (c + 1) + 384 y // height + 64 c) mod 512, the
        pixel is the smaller of t and 511 - t.

    Example:
        >>> from keras_mobilevit.tflite.self_test import self_test_input
        >>> self_test_input((2, 4, 3))[1, 2].tolist()
        [63, 255, 191]
    """
    height, width, _ = shape
    y, x, c = np.ogrid[tuple(slice(side) for side in shape)]
    t = (512 * x // width * (c + 1) + 384 * y // height + 64 * c) % 512
    return np.minimum(t, 511 - t).astype(np.uint8)


def record_self_test(file: bytes, image: ImageSpec) -> dict[str, Any]:
    """Runs a file on the input of the self-test and records its outputs.

    The yardstick for deviations is how far LiteRT's builtin kernels are from
    XNNPACK. Its reference kernels would not do: those of LiteRT 2.3.0 are
    0 dB from both for int8 networks that these two agree on.

    Args:
        file: A `.tflite` file with one image as its input.
        image: How pixels become the input.

    Returns:
        JSON object for `ModelInfo.self_test`.
    """
    litert = import_optional("ai_edge_litert.interpreter", extra="runtime")
    kinds = litert.OpResolverType
    outputs, references = (
        _run(
            litert.Interpreter(
                model_content=file, experimental_op_resolver_type=kernels
            ),
            image,
        )
        for kernels in (
            kinds.AUTO,
            kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    )
    graph = read_graph(file)
    scales = _softmax_scales(file)
    records = {}
    for name, values in outputs.items():
        coverage, reference = {"covers": OUTPUT}, references[name]
        if name in scales:
            coverage = {"covers": SOFTMAX_INPUT, "scale": scales[name]}
            values = _softmax_steps(values, scales[name])
            reference = _softmax_steps(reference, scales[name])
        records[name] = {
            **coverage,
            **_record(values),
            **_deviation(values, reference),
        }
    return {
        "runtime": f"LiteRT {metadata.version(LITERT)}",
        "expected": IDENTICAL if _is_exact(graph, len(scales)) else WITHIN,
        "outputs": records,
    }


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
    outputs = _run(make_interpreter(path, num_threads), info.image)
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
            name: _compare(values, recorded[name])
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


# === Running ===


def _run(interpreter, image):
    """Name -> values of an output, as they are in its tensor."""
    interpreter.allocate_tensors()
    (details,) = interpreter.get_input_details()
    pixels = self_test_input(tuple(details["shape"][1:].tolist()))
    scaling = scaling_of(image)
    values = scaling.apply(pixels)[None]
    interpreter.set_tensor(
        details["index"], quantize_pixels(values, details, scaling.is_identity)
    )
    interpreter.invoke()
    return {
        name: interpreter.get_tensor(details["index"])
        for name, details in named_outputs(interpreter).items()
    }


# === Files that are the same everywhere ===


def _is_exact(graph, softmaxes):
    """Whether all processors give the same, but for so many last softmaxes."""
    kinds = [
        node.kind
        for node in graph.nodes
        if any(
            tensor is not None and tensor.dtype == "float32"
            for tensor in (*node.inputs, *node.outputs)
        )
    ]
    inexact = [kind for kind in kinds if kind not in _EXACT]
    return graph.subgraphs == 1 and inexact == ["SOFTMAX"] * softmaxes


def _softmax_steps(probabilities, scale):
    """Integers that a softmax got, in comparison with the largest of them.

    A softmax in float rounds differently on each processor. What it was given
    is quantized, so its logarithm tells the integers exactly.
    """
    shares = probabilities / probabilities.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(shares), _LOWEST_LOG)
    return np.round(logs / scale).astype(np.int16)


def _softmax_scales(file):
    """Outputs that a float softmax gives for integers -> scale of these."""
    model = read_model(file)
    if len(model.subgraphs) != 1 or len(model.signatureDefs or ()) != 1:
        return {}
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    scales = {}
    for output in model.signatureDefs[0].outputs:
        name, tensor = output.name.decode(), output.tensorIndex
        for kind in ("SOFTMAX", "DEQUANTIZE"):
            op = producers.get(tensor)
            if op is None or op_name(model, op) != kind:
                break
            (tensor, *_) = op.inputs
        else:
            if graph.tensors[tensor].type == INT8:
                (scale,) = graph.tensors[tensor].quantization.scale
                scales[name] = float(scale)
    return scales


# === Recording and comparing ===


def _record(values):
    data = _little_endian(values).tobytes()
    record = {"dtype": values.dtype.name, "shape": list(values.shape)}
    if len(data) <= _MAX_BYTES:
        return {**record, "values": _encode(data)}
    samples = _little_endian(_samples(values)).tobytes()
    return {
        **record,
        "sha256": hashlib.sha256(data).hexdigest(),
        "samples": _encode(samples),
    }


def _deviation(values, reference):
    """How far apart XNNPACK and the builtin kernels are."""
    measured = _sqnr(_comparable(values), _comparable(reference))
    # JSON has no infinity, and outputs may be no numbers.
    measured = float(
        np.clip(np.nan_to_num(measured, nan=-_LIMIT), -_LIMIT, _LIMIT)
    )
    return {
        "kernels_sqnr_db": round(measured, 1),
        "least_sqnr_db": round(max(measured - _MARGIN, _LEAST), 1),
    }


def _compare(values, recorded):
    covers = recorded["covers"]
    if covers == SOFTMAX_INPUT:
        scale = float(recorded["scale"])
        if not scale > 0:
            raise ValueError(f"expected a scale above 0, received {scale}")
        values = _softmax_steps(values, scale)
    elif covers != OUTPUT:
        raise ValueError(f"received covers={covers!r}")
    data = _little_endian(values).tobytes()
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
        actual = _samples(values)
    expected = np.frombuffer(expected, _little_endian(values).dtype)
    if expected.shape != actual.shape:
        raise ValueError(
            f"expected {actual.size} values, received {expected.size}"
        )
    sqnr = _sqnr(expected, actual)
    least = float(recorded["least_sqnr_db"])
    if same:
        verdict = IDENTICAL
    elif sqnr >= least:
        verdict = WITHIN
    else:
        verdict = DIFFERENT
    return OutputCheck(verdict, min(sqnr, 200.0), least, covers)


def _comparable(values):
    """What a reader will have to compare: all values, or the samples."""
    return values.ravel() if values.nbytes <= _MAX_BYTES else _samples(values)


def _samples(values):
    flat = values.ravel()
    return flat[np.arange(_SAMPLES) * flat.size // _SAMPLES]


def _sqnr(expected, actual):
    """Power of the expected values around their mean over that of errors."""
    expected, actual = (v.astype(np.float64) for v in (expected, actual))
    signal = np.sum((expected - expected.mean()) ** 2)
    return decibels(signal, np.sum((actual - expected) ** 2))


def _little_endian(values):
    return values.astype(values.dtype.newbyteorder("<"), copy=False)


def _encode(data):
    return base64.b64encode(data).decode()


def _decode(text):
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"expected base64 ({error})") from error
