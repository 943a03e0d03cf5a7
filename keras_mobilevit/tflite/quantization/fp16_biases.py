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
    is_constant,
    op_name,
)


def fp16_biases(model) -> None:
    """Turns the biases of layers with float16 weights into float16, in place.

    One beyond the range of float16 stays as it is.

    Args:
        model: Quantized, as `read_model` gives it.
    """
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    halves = {
        op.inputs[2]: constant(model, graph, op.inputs[2])
        for op in graph.operators
        if _has_half_weights(model, graph, op, producers)
        and _is_float_constant(model, graph, op.inputs[2])
    }
    with np.errstate(over="ignore"):
        halves = {t: values.astype(np.float16) for t, values in halves.items()}
    halves = {t: v for t, v in halves.items() if np.isfinite(v).all()}
    for bias, values in halves.items():
        tensor = graph.tensors[bias]
        half = add_tensor(
            model, f"{tensor.name.decode()}_half", FLOAT16, values.shape, values
        )
        # From now on it is made by an operation; buffer 0 is the empty one.
        _drop_constant(model, tensor.buffer, tensor)
        tensor.buffer = 0
        graph.operators.insert(
            0, make_operation(model, "DEQUANTIZE", [half], [bias])
        )


def _has_half_weights(model, graph, op, producers):
    if len(op.inputs) < 3 or op.inputs[2] < 0:
        return False
    weights = producers.get(op.inputs[1])
    return (
        weights is not None
        and op_name(model, weights) == "DEQUANTIZE"
        and graph.tensors[weights.inputs[0]].type == FLOAT16
    )


def _is_float_constant(model, graph, index):
    return graph.tensors[index].type == FLOAT32 and is_constant(
        model, graph, index
    )


def _drop_constant(model, buffer, but):
    """Empties the buffer of a tensor, if no other has it too."""
    users = [
        t for g in model.subgraphs for t in g.tensors if t.buffer == buffer
    ]
    if users == [but]:
        model.buffers[buffer].data = None
