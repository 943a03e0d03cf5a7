"""Files that are uint8 at their ends, and int8 moves in their middle.

The quantizer knows int8 only, and leaves `DEPTH_TO_SPACE` float.
"""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np

from keras_mobilevit.tflite.editing import make_operation
from keras_mobilevit.tflite.flatbuffer import (
    UINT8,
    op_name,
    read_model,
    write_model,
)

# Distance of the zero points of uint8 and int8 for the same values.
_SHIFT = 128
# Operations that only move values, so that int8 ones stay exact.
_MOVES = ("DEPTH_TO_SPACE", "RESHAPE")


def use_uint8(model: bytes, *, inputs: bool, outputs: bool) -> bytes:
    """Turns int8 inputs or outputs of a file into uint8 ones.

    Args:
        model: File whose inputs or outputs are int8.
        inputs: Whether to turn the inputs.
        outputs: Whether to turn the outputs.

    Returns:
        The file with one more `QUANTIZE` at each end that was turned.
    """
    flat = read_model(model)
    (graph,) = flat.subgraphs
    if inputs:
        for position, tensor in enumerate(graph.inputs):
            new = _uint8_copy(graph, tensor)
            graph.operators.insert(
                0, make_operation(flat, "QUANTIZE", [new], [tensor])
            )
            graph.inputs = _replaced(graph.inputs, position, new)
            _rename_end(flat, graph, tensor, new, "inputs")
    if outputs:
        for position, tensor in enumerate(graph.outputs):
            new = _uint8_copy(graph, tensor)
            graph.operators.append(
                make_operation(flat, "QUANTIZE", [tensor], [new])
            )
            graph.outputs = _replaced(graph.outputs, position, new)
            _rename_end(flat, graph, tensor, new, "outputs")
    return write_model(flat)


def _replaced(tensors, position, new):
    # Arrays out of a file are read-only.
    return [new if i == position else t for i, t in enumerate(tensors)]


def _uint8_copy(graph, tensor):
    twin = copy.deepcopy(graph.tensors[tensor])
    twin.type = UINT8
    twin.quantization.zeroPoint = np.add(twin.quantization.zeroPoint, _SHIFT)
    graph.tensors.append(twin)
    return len(graph.tensors) - 1


def _rename_end(flat, graph, old, new, side):
    """Moves the signature and the name from one tensor to another."""
    for signature in flat.signatureDefs or ():
        for entry in getattr(signature, side):
            if entry.tensorIndex == old:
                entry.tensorIndex = new
    graph.tensors[old].name += b"_int8"


def keep_moves_int8(model: bytes) -> bytes:
    """Takes `DEQUANTIZE` and `QUANTIZE` from around operations that move.

    Args:
        model: File in which `DEPTH_TO_SPACE` moves floats between int8
            operations.

    Returns:
        The file in which it moves int8 values, with the same result up to
        one rounding less.
    """
    flat = read_model(model)
    (graph,) = flat.subgraphs
    removed = set()
    producers = {t: op for op in graph.operators for t in op.outputs}
    # Those of the graph's outputs are outside.
    readers = Counter(graph.outputs)
    for op in graph.operators:
        readers.update(op.inputs)
    for last in graph.operators:
        if op_name(flat, last) != "QUANTIZE":
            continue
        chain = [last]
        while (op := producers.get(chain[-1].inputs[0])) is not None:
            if readers[op.outputs[0]] > 1:
                break
            chain.append(op)
            if op_name(flat, op) not in _MOVES:
                break
        first, moves = chain[-1], chain[1:-1]
        if not moves or op_name(flat, first) != "DEQUANTIZE":
            continue
        source = graph.tensors[first.inputs[0]]
        for move in moves:
            tensor = graph.tensors[move.outputs[0]]
            tensor.type = source.type
            tensor.quantization = copy.deepcopy(source.quantization)
        moves[-1].inputs = [first.inputs[0], *moves[-1].inputs[1:]]
        removed.add(id(first))
    graph.operators = [op for op in graph.operators if id(op) not in removed]
    return write_model(flat)
