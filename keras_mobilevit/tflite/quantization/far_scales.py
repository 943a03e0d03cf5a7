"""Conversions between int8 scales that are too far apart for XNNPACK.

Where a network joins a faint signal with a strong one, as one with random
weights does, the faint one is requantized to a scale that is hundreds of times
as coarse. XNNPACK takes a quotient of 1/256 to 128 and would leave the rest to
slow kernels, which cuts the graph into pieces.
"""

from __future__ import annotations

import copy

import numpy as np

from keras_mobilevit.tflite.editing import as_indices, make_operation
from keras_mobilevit.tflite.flatbuffer import INT8, op_name

# Of the scale that comes in and the one that goes out, with room for rounding.
_LEAST, _LARGEST = 1 / 250, 125


def bridge_far_scales(model) -> None:
    """Does int8 conversions over far scales in several steps, in place.

    The values stay the same, to a step of the coarser scale.

    Args:
        model: Quantized, as `read_model` gives it.
    """
    (graph,) = model.subgraphs
    rewritten = []
    for op in graph.operators:
        while (middle := _stop_over(model, graph, op)) is not None:
            rewritten.append(
                make_operation(model, "QUANTIZE", [op.inputs[0]], [middle], 2)
            )
            op.inputs = as_indices([middle])
        rewritten.append(op)
    graph.operators = rewritten


def _stop_over(model, graph, op):
    """A new tensor between the ends of an operation, if they are too far."""
    if op_name(model, op) != "QUANTIZE":
        return None
    source, target = (graph.tensors[t] for t in (op.inputs[0], op.outputs[0]))
    if (source.type, target.type) != (INT8, INT8):
        return None
    first, last = (t.quantization.scale[0] for t in (source, target))
    if _LEAST <= first / last <= _LARGEST:
        return None
    middle = copy.deepcopy(source)
    middle.name += b"/nearer"
    scale = first / (_LEAST if first < last else _LARGEST)
    middle.quantization.scale = np.array([scale], np.float32)
    # Into a finer scale only values near zero fit, and into a coarser one all
    # come near it.
    middle.quantization.zeroPoint = np.array([0], np.int64)
    graph.tensors.append(middle)
    return len(graph.tensors) - 1
