"""Biases in float16 beside weights in float16.

The quantizer leaves them float32. XNNPACK in LiteRT 1.4 to 2.1 does not take
such a layer: the graph falls apart, and runs at a quarter of the speed.
"""

from __future__ import annotations

import numpy as np

from keras_mobilevit.tflite.editing import add_tensor, make_operation
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT16,
    FLOAT32,
    constant,
    op_name,
    read_model,
    write_model,
)


def half_biases(model: bytes) -> bytes:
    """Turns the biases of layers with float16 weights into float16.

    One beyond the range of float16 stays as it is, and so does a file
    without such layers, to the byte.
    """
    flat = read_model(model)
    (graph,) = flat.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    halves = {
        op.inputs[2]: constant(flat, graph, op.inputs[2])
        for op in graph.operators
        if _has_half_weights(flat, graph, op, producers)
        and _is_float_constant(flat, graph, op.inputs[2])
    }
    with np.errstate(over="ignore"):
        halves = {t: values.astype(np.float16) for t, values in halves.items()}
    halves = {t: v for t, v in halves.items() if np.isfinite(v).all()}
    if not halves:
        return model
    for bias, values in halves.items():
        tensor = graph.tensors[bias]
        half = add_tensor(
            flat, f"{tensor.name.decode()}_half", FLOAT16, values.shape, values
        )
        # From now on it is made by an operation; buffer 0 is the empty one.
        _drop_constant(flat, tensor.buffer, tensor)
        tensor.buffer = 0
        graph.operators.insert(
            0, make_operation(flat, "DEQUANTIZE", [half], [bias])
        )
    return write_model(flat)


def _has_half_weights(flat, graph, op, producers):
    if len(op.inputs) < 3 or op.inputs[2] < 0:
        return False
    weights = producers.get(op.inputs[1])
    return (
        weights is not None
        and op_name(flat, weights) == "DEQUANTIZE"
        and graph.tensors[weights.inputs[0]].type == FLOAT16
    )


def _is_float_constant(flat, graph, index):
    tensor = graph.tensors[index]
    return (
        tensor.type == FLOAT32 and flat.buffers[tensor.buffer].data is not None
    )


def _drop_constant(flat, buffer, but):
    """Empties the buffer of a tensor, if no other has it too."""
    users = [t for g in flat.subgraphs for t in g.tensors if t.buffer == buffer]
    if users == [but]:
        flat.buffers[buffer].data = None
