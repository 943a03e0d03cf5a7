"""Records what a file gives for the input of its self-test.

`MODEL_INFO.md` documents the JSON form.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from typing import Any

import numpy as np

from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.flatbuffer import INT8, op_name, read_model
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.interpreters import LITERT
from keras_mobilevit.tflite.self_test_values import (
    IDENTICAL,
    MAX_BYTES,
    OUTPUT,
    SOFTMAX_INPUT,
    WITHIN,
    little_endian,
    run_self_test,
    softmax_steps,
    sqnr,
    take_samples,
)

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

# A processor that rounds otherwise may add ten times the noise that other
# kernels add here; below the least, the answer is another one.
_MARGIN = 10.0
_LEAST, _LIMIT = 6.0, 100.0


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
        run_self_test(
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
            values = softmax_steps(values, scales[name])
            reference = softmax_steps(reference, scales[name])
        records[name] = {
            **coverage,
            **record_output(values),
            **_deviation(values, reference),
        }
    return {
        "runtime": f"LiteRT {metadata.version(LITERT)}",
        "expected": IDENTICAL if _is_exact(graph, len(scales)) else WITHIN,
        "outputs": records,
    }


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


def record_output(values: np.ndarray) -> dict[str, Any]:
    """The values of an output as JSON: all of them, or a hash and samples."""
    data = little_endian(values).tobytes()
    record = {"dtype": values.dtype.name, "shape": list(values.shape)}
    if len(data) <= MAX_BYTES:
        return {**record, "values": _encode(data)}
    samples = little_endian(take_samples(values)).tobytes()
    return {
        **record,
        "sha256": hashlib.sha256(data).hexdigest(),
        "samples": _encode(samples),
    }


def _deviation(values, reference):
    """How far apart XNNPACK and the builtin kernels are."""
    measured = sqnr(_comparable(values), _comparable(reference))
    # JSON has no infinity, and outputs may be no numbers.
    measured = float(
        np.clip(np.nan_to_num(measured, nan=-_LIMIT), -_LIMIT, _LIMIT)
    )
    return {
        "kernels_sqnr_db": round(measured, 1),
        "least_sqnr_db": round(max(measured - _MARGIN, _LEAST), 1),
    }


def _comparable(values):
    """What a reader will have to compare: all values, or the samples."""
    return (
        values.ravel() if values.nbytes <= MAX_BYTES else take_samples(values)
    )


def _encode(data):
    return base64.b64encode(data).decode()
