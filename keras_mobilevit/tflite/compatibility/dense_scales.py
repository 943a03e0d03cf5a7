"""Dense layers with one scale for all int8 weights, as older runtimes want."""

from __future__ import annotations

import numpy as np

from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    INT32,
    constant,
    is_constant,
    op_name,
    set_constant,
)

_HIGHEST = 127


def merge_dense_scales(model) -> None:
    """Gives the int8 weights of each dense layer one scale, in place.

    Quantizers give each output channel its own. With float activations,
    TensorFlow Lite before 2.17 takes the first channel's for all and answers
    nonsense; with int8 ones it is right, but XNNPACK does not take the layer.

    The weights, and int32 biases, are rounded anew.

    Args:
        model: As `read_model` gives it.
    """
    (graph,) = model.subgraphs
    dense = [
        op for op in graph.operators if op_name(model, op) == "FULLY_CONNECTED"
    ]
    factors = {
        weights: _merge(model, graph, weights)
        for weights in {op.inputs[1] for op in dense}
        if _has_scales(model, graph, weights)
    }
    biases = {
        op.inputs[2]: factors[op.inputs[1]]
        for op in dense
        if op.inputs[1] in factors and _has_bias(graph, op)
    }
    for bias, factor in biases.items():
        _rescale(model, graph, bias, factor)


def _has_scales(model, graph, index):
    """Whether a tensor is of int8 constants, of which each row has a scale."""
    tensor = graph.tensors[index]
    return (
        tensor.type == INT8
        and np.size(tensor.quantization.scale) > 1
        and is_constant(model, graph, index)
    )


def _has_bias(graph, op):
    """Whether an operation adds integers; hybrid ones add floats."""
    has_any = len(op.inputs) > 2 and op.inputs[2] >= 0
    return has_any and graph.tensors[op.inputs[2]].type == INT32


def _merge(model, graph, index):
    """Rounds weights to one scale; returns the old ones as multiples of it."""
    quantization = graph.tensors[index].quantization
    scales = quantization.scale
    values = constant(model, graph, index) * scales[:, None]
    scale = np.float32((np.abs(values).max() or 1) / _HIGHEST)
    rounded = np.round(values / scale)
    set_constant(model, graph, index, rounded.astype(np.int8))
    _set_scale(quantization, scale)
    return scales / scale


def _rescale(model, graph, index, factors):
    """Keeps what a bias stands for; its scale is that of the products."""
    quantization = graph.tensors[index].quantization
    values = constant(model, graph, index) * factors.astype(np.float64)
    set_constant(model, graph, index, np.round(values).astype(np.int32))
    _set_scale(quantization, (quantization.scale / factors)[0])


def _set_scale(quantization, scale):
    quantization.scale = np.array([scale], np.float32)
    quantization.zeroPoint = np.array([0], np.int64)
    quantization.quantizedDimension = 0
