"""Biases that make up for the mean error of rounded weights.

Pixels and most activations are positive, so the rounding errors of a filter's
weights add up to an offset that is the same everywhere. It was 70 % of the
noise behind the stem of the embedded checkpoint. Nagel et al., "Data-Free
Quantization Through Weight Equalization and Bias Correction" (2019),
section 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    INT32,
    constant,
    op_name,
    set_constant,
    tensor_name,
)


def correct_biases(model, source, means: Mapping[str, np.ndarray]) -> None:
    """Adds `(W - Wq) E[x]` to the biases of a static int8 graph, in place.

    What lies outside a padded picture is taken to be like what lies inside.

    Args:
        model: Quantized from `source`, with its names, as `read_model` gives
            it.
        source: The float32 model, which stays as it is.
        means: From `keras_mobilevit.tflite.quantization.calibration`.
    """
    (source_graph,), (graph,) = source.subgraphs, model.subgraphs
    originals = {
        tensor_name(source_graph, op.outputs[0]): op
        for op in source_graph.operators
    }
    for op in graph.operators:
        original = originals.get(tensor_name(graph, op.outputs[0]))
        if original is None or not is_int8_product(model, graph, op):
            continue
        kernel, bias = op.inputs[1:3]
        weights = constant(source, source_graph, original.inputs[1])
        error = weights - _dequantize(model, graph, kernel)
        mean = means[tensor_name(source_graph, original.inputs[0])]
        if op_name(model, op) == "DEPTHWISE_CONV_2D":
            # The filters of a channel are side by side.
            mean = np.repeat(mean, error.shape[-1] // len(mean))
            offset = (error * mean).sum(axis=(0, 1, 2))
        else:
            # Each group of filters sees its own channels.
            groups = len(mean) // error.shape[-1]
            mean = mean.reshape(groups, -1)
            mean = np.repeat(mean, len(error) // groups, axis=0)
            error = error.reshape(len(error), -1, error.shape[-1])
            offset = (error.sum(axis=1) * mean).sum(axis=1)
        step = graph.tensors[bias].quantization.scale
        values = constant(model, graph, bias) * np.float64(step) + offset
        set_constant(model, graph, bias, in_steps(values, step))


def in_steps(biases: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Biases as the int32 constants of an int8 layer.

    Args:
        biases: `(channels,)`, real numbers.
        steps: What 1 is worth, one for each or for all. Those of a filter
            without weights are so small that a bias may need more than there
            are.
    """
    limits = np.iinfo(np.int32)
    steps = np.asarray(steps, np.float64)
    return np.clip(np.round(biases / steps), limits.min, limits.max).astype(
        np.int32
    )


def is_int8_product(model, graph, op):
    if len(op.inputs) < 3 or op.inputs[2] < 0:
        return False
    kernel, bias = (graph.tensors[index] for index in op.inputs[1:3])
    return kernel.type == INT8 and bias.type == INT32


def _dequantize(model, graph, index):
    """Weights that an int8 constant stands for; its zero points are 0."""
    quantization = graph.tensors[index].quantization
    values = constant(model, graph, index).astype(np.float64)
    shape = [1] * values.ndim
    shape[quantization.quantizedDimension] = -1
    return values * np.reshape(quantization.scale, shape)
