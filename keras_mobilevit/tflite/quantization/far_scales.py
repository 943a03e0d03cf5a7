"""Conversions between int8 scales that are too far apart for XNNPACK.

Where a network joins a faint signal with a strong one, as one with random
weights does, the faint one is requantized to a scale that is hundreds of times
as coarse, or is an operand of a sum whose scale is. XNNPACK takes a quotient of
1/256 to 128 for a conversion and from 1/1024 for a sum. It would leave the rest
to slow kernels, which cuts the graph into pieces.
"""

from __future__ import annotations

import copy
import math

import numpy as np

from keras_mobilevit.tflite.editing import as_indices, make_operation
from keras_mobilevit.tflite.flatbuffer import INT8, is_constant, op_name

# Kind of operation -> least and largest quotient of the scale of an input and
# that of the output, with room for rounding.
_SPANS = {
    "QUANTIZE": (1 / 250, 125),
    "ADD": (1 / 1000, math.inf),
    "SUB": (1 / 1000, math.inf),
}


def bridge_far_scales(model) -> None:
    """Does int8 conversions and sums over far scales in several steps.

    The values stay the same, to a step of the coarser scale.

    Args:
        model: Quantized, as `read_model` gives it; edited in place.
    """
    (graph,) = model.subgraphs
    rewritten = []
    for op in graph.operators:
        if op_name(model, op) in _SPANS:
            op.inputs = as_indices(
                [
                    _bridged(model, graph, op, index, rewritten)
                    for index in op.inputs
                ]
            )
        rewritten.append(op)
    graph.operators = rewritten


def _bridged(model, graph, op, index, added):
    """The input itself, or one of a nearer scale that is made of it."""
    least, largest = _SPANS[op_name(model, op)]
    source, target = (graph.tensors[t] for t in (index, op.outputs[0]))
    if (source.type, target.type) != (INT8, INT8):
        return index
    if is_constant(model, graph, index):
        return index
    first, last = (t.quantization.scale[0] for t in (source, target))
    low, high = _SPANS["QUANTIZE"]
    while not least <= first / last <= largest:
        if first < last:
            # Coarse enough for all values, though their zero point moves.
            first = min(first / low, max(4 * first, 1.01 * last * least))
        else:
            first = max(first / high, last)
        middle = copy.deepcopy(source)
        middle.name += b"/nearer"
        middle.quantization.scale = np.array([first], np.float32)
        # Into a finer scale only values near zero fit, and into a coarser one
        # all come near it.
        middle.quantization.zeroPoint = np.array([0], np.int64)
        graph.tensors.append(middle)
        nearer = len(graph.tensors) - 1
        added.append(make_operation(model, "QUANTIZE", [index], [nearer], 2))
        index = nearer
    return index
