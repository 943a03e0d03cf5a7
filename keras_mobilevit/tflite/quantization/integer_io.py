"""Files that are uint8 at their ends, and int8 moves in their middle.

The quantizer knows int8 only, and leaves `DEPTH_TO_SPACE` float.
"""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np

from keras_mobilevit.tflite.editing import as_indices, make_operation
from keras_mobilevit.tflite.flatbuffer import UINT8, op_name

# Distance of the zero points of uint8 and int8 for the same values.
_SHIFT = 128
# Operations that only move values, so that int8 ones stay exact.
_MOVES = ("DEPTH_TO_SPACE", "RESHAPE")


def use_uint8(model, *, inputs: bool, outputs: bool) -> None:
    """Turns int8 inputs or outputs of a graph into uint8 ones, in place.

    There is one more `QUANTIZE` at each end that was turned.

    Args:
        model: As `read_model` gives it; inputs or outputs that are to be
            turned are int8.
        inputs: Whether to turn the inputs.
        outputs: Whether to turn the outputs.
    """
    (graph,) = model.subgraphs
    if inputs:
        for position, tensor in enumerate(graph.inputs):
            new = _uint8_copy(graph, tensor)
            graph.operators.insert(
                0, make_operation(model, "QUANTIZE", [new], [tensor])
            )
            graph.inputs = _replaced(graph.inputs, position, new)
            _rename_end(model, graph, tensor, new, "inputs")
    if outputs:
        for position, tensor in enumerate(graph.outputs):
            new = _uint8_copy(graph, tensor)
            graph.operators.append(
                make_operation(model, "QUANTIZE", [tensor], [new])
            )
            graph.outputs = _replaced(graph.outputs, position, new)
            _rename_end(model, graph, tensor, new, "outputs")


def _replaced(tensors, position, new):
    # Arrays out of a file are read-only.
    return [new if i == position else t for i, t in enumerate(tensors)]


def _uint8_copy(graph, tensor):
    twin = copy.deepcopy(graph.tensors[tensor])
    twin.type = UINT8
    twin.quantization.zeroPoint = np.add(twin.quantization.zeroPoint, _SHIFT)
    graph.tensors.append(twin)
    return len(graph.tensors) - 1


def _rename_end(model, graph, old, new, side):
    """Moves the signature and the name from one tensor to another."""
    for signature in model.signatureDefs or ():
        for entry in getattr(signature, side):
            if entry.tensorIndex == old:
                entry.tensorIndex = new
    graph.tensors[old].name += b"_int8"


def keep_moves_int8(model) -> None:
    """Takes `DEQUANTIZE` and `QUANTIZE` from around operations that move.

    In place, and with the same result up to one rounding less.

    Args:
        model: As `read_model` gives it; where `DEPTH_TO_SPACE` moves floats
            between int8 operations, it moves int8 values from now on.
    """
    (graph,) = model.subgraphs
    removed = set()
    producers = {t: op for op in graph.operators for t in op.outputs}
    # Those of the graph's outputs are outside.
    readers = Counter(graph.outputs)
    for op in graph.operators:
        readers.update(op.inputs)
    for last in graph.operators:
        if op_name(model, last) != "QUANTIZE":
            continue
        chain = [last]
        while (op := producers.get(chain[-1].inputs[0])) is not None:
            if readers[op.outputs[0]] > 1:
                break
            chain.append(op)
            if op_name(model, op) not in _MOVES:
                break
        first, moves = chain[-1], chain[1:-1]
        if not moves or op_name(model, first) != "DEQUANTIZE":
            continue
        source = graph.tensors[first.inputs[0]]
        for move in moves:
            tensor = graph.tensors[move.outputs[0]]
            tensor.type = source.type
            tensor.quantization = copy.deepcopy(source.quantization)
        moves[-1].inputs = as_indices([first.inputs[0], *moves[-1].inputs[1:]])
        removed.add(id(first))
    graph.operators = [op for op in graph.operators if id(op) not in removed]
