"""Activations whose int8 scale, or zero point, is not free."""

from __future__ import annotations

import math
from collections.abc import Iterator

from keras_mobilevit.tflite.flatbuffer import op_name, tensor_name

_LEVELS = 255
# Operations through which an int8 value passes without being recomputed.
_MOVES = ("RESHAPE", "SPACE_TO_DEPTH", "TRANSPOSE")


def attention_operands(model) -> Iterator[str]:
    """Names of the tensors that carry keys and values into a matmul.

    XNNPACK multiplies int8 batches only if the second operand has zero point
    0; otherwise the product falls to reference code, tens of times slower.
    """
    return _operands(model, "BATCH_MATMUL")


def norm_operands(model) -> Iterator[str]:
    """Names of the tensors that carry tokens into a norm, and are squared."""
    return _operands(model, "MUL", squares=True)


def _operands(model, kind, squares=False):
    """Tensors that come second in operations of a kind, and whence they move.

    Args:
        model: In float, as `read_model` gives it.
        kind: Of operation.
        squares: Only of those that multiply a tensor with itself.
    """
    (graph,) = model.subgraphs
    producers = {tensor: op for op in graph.operators for tensor in op.outputs}
    for op in graph.operators:
        if op_name(model, op) != kind:
            continue
        first, tensor = op.inputs
        if squares and first != tensor:
            continue
        yield tensor_name(graph, tensor)
        while op_name(model, producers[tensor]) in _MOVES:
            tensor = producers[tensor].inputs[0]
            yield tensor_name(graph, tensor)


def symmetric(low: float, high: float) -> tuple[float, float]:
    """The range whose int8 zero point is exactly 0."""
    step = max(abs(low), abs(high)) / 127
    return -128 * step, 127 * step


def power_of_two(low: float, high: float) -> tuple[float, float]:
    """The range for another, to half a step, whose scale is a power of two."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = 2.0 ** math.ceil(math.log2(max(high - low, 1e-6) / _LEVELS))
    lowest = round(low / step)
    return lowest * step, (lowest + _LEVELS) * step
