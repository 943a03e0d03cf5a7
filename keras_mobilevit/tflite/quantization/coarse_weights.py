"""Dense layers whose weights one int8 scale would round too coarsely."""

from __future__ import annotations

import numpy as np

from keras_mobilevit.tflite.flatbuffer import constant, op_name, tensor_name

_HIGHEST = 127
# SQNR in dB of weights with one scale for all output channels, below which a
# layer gets one scale per channel: 10 and 11 of 55 dense layers in two
# fine-tunes of ImageNet weights, whose worst has 31 dB.
_LEAST_WEIGHT_SQNR = 37.0


def coarse_dense_layers(model) -> list[str]:
    """Finds the dense layers that need one weight scale per output channel.

    Args:
        model: Float32 file, as `read_model` gives it.

    Returns:
        Names of their output tensors.
    """
    (graph,) = model.subgraphs
    found = []
    for op in graph.operators:
        if op_name(model, op) != "FULLY_CONNECTED":
            continue
        weights = constant(model, graph, int(op.inputs[1]))
        if weights is not None and _sqnr(weights) < _LEAST_WEIGHT_SQNR:
            found.append(tensor_name(graph, int(op.outputs[0])))
    return found


def _sqnr(weights):
    """Of rounding to steps of one width; infinite if all weights are zero."""
    step = np.abs(weights).max() / _HIGHEST
    if not step:
        return np.inf
    # Rounding is off by up to half a step, evenly.
    return 10 * np.log10(np.mean(np.square(weights)) / (step**2 / 12))
