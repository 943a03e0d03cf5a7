"""Softmax of attention, in int8.

XNNPACK has softmax in float alone. So an int8 graph turns its N x N scores into
floats and the weights back into int8. Here the scores stay int8, and what
divides them waits until the product with the values, where a row has d numbers
and not N. That takes a tenth off the time of MobileViT-XXS at 256x256 pixels,
where N is 256, and 3 % at 96x96. It also makes the result the same on every
processor.

    softmax(S) V = (E V) / sum(E),    E = exp(S - max(S))

XNNPACK makes one table of 256 entries out of `DEQUANTIZE`, `EXP`, `QUANTIZE`.
The price is that one scale serves the sums of all rows, from 1 for a row that
looks at one token to N for one that looks at all.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping

import numpy as np

from keras_mobilevit.tflite.editing import (
    add_tensor,
    as_indices,
    make_operation,
)
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    INT32,
    op_name,
    tensor_name,
)

# exp(-6.5) is less than half a step of 1/255.
_LOWEST = -6.5
# Where attention is flat, or looks at one token alone, differences are next to
# nothing, and exp(-0.5 / 255) is as good as 1.
_HIGHEST = -0.5
# XNNPACK subtracts int8 only if the scale of the scores is from 1/1024 to 256
# times that of the differences. These leave room for rounding.
_LEAST_QUOTIENT, _LARGEST_QUOTIENT = 1 / 1000, 250
# The quantizer takes a narrower range for one as wide.
_NARROWEST = 1e-9
_MAXIMUM, _DIFFERENCE, _EXPONENTIAL, _TOTAL, _PRODUCT = (
    f"/integer/{part}"
    for part in ("maximum", "difference", "exponential", "total", "product")
)


def observe_integer_softmax(model) -> None:
    """Adds the other way of computing softmax beside the first, in place.

    The output stays the same, and calibration sees the activations of either
    way.

    Args:
        model: In float, as `read_model` gives it.
    """
    (graph,) = model.subgraphs
    for softmax, product in list(_attention(model, ())):
        operations, _ = _integer_way(model, softmax, product)
        _insert_before(graph, product, operations)


def use_integer_softmax(model, skip_layers: Collection[str] = ()) -> None:
    """Replaces the softmax of attention by what can be int8, in place.

    The output stays the same, up to float32 rounding.

    Args:
        model: In float, as `read_model` gives it.
        skip_layers: As in `Recipe`: where attention stays float, so does
            softmax, which is faster then.
    """
    (graph,) = model.subgraphs
    for softmax, product in list(_attention(model, skip_layers)):
        operations, (numerator, total) = _integer_way(model, softmax, product)
        operations.append(
            make_operation(
                model,
                "DIV",
                [numerator, total],
                product.outputs,
                fusedActivationFunction=0,
            )
        )
        _insert_before(graph, product, operations)
        graph.operators = [
            op
            for op in graph.operators
            if op is not softmax and op is not product
        ]


def known_range(name: str, low: float, high: float) -> tuple[float, float]:
    """What an activation of the integer way has to cover.

    Args:
        name: Name of any activation.
        low: Its smallest value in calibration.
        high: Its largest value.
    """
    if name.endswith(_DIFFERENCE):
        return min(max(low, _LOWEST), _HIGHEST), 0.0
    if name.endswith(_EXPONENTIAL):
        return 0.0, 1.0
    return low, high


def difference_ranges(
    model, ranges: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Ranges of differences from the maximum that XNNPACK can subtract into.

    Scores that are far larger than what counts of their differences, or far
    smaller, would leave the subtraction to slow kernels: their scales would
    be too far apart. A wider range than needed costs nothing in the first
    case, as the scores' own steps are wider still, nor does a narrower one in
    the second: the differences are as small as the scores.

    Args:
        model: What `use_integer_softmax` edited.
        ranges: Name of an activation to `(low, high)`, of all activations.

    Returns:
        The differences' ranges by name.
    """
    (graph,) = model.subgraphs
    found = {}
    for op in graph.operators:
        name = tensor_name(graph, op.outputs[0])
        if op_name(model, op) != "SUB" or not name.endswith(_DIFFERENCE):
            continue
        low, high = ranges[tensor_name(graph, op.inputs[0])]
        # As the quantizer has it, with zero inside.
        width = max(max(high, 0.0) - min(low, 0.0), _NARROWEST)
        depth = max(-ranges[name][0], width / _LARGEST_QUOTIENT)
        found[name] = -min(depth, width / _LEAST_QUOTIENT), 0.0
    return found


def keep_maximum_int8(model) -> None:
    """Takes the maximum of int8 scores, which the quantizer leaves float.

    In place. The result has the scale of the scores, so it is exact.

    Args:
        model: Quantized, as `read_model` gives it.
    """
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    removed = []
    for op in graph.operators:
        if op_name(model, op) != "QUANTIZE":
            continue
        maximum = producers.get(op.inputs[0])
        if maximum is None or op_name(model, maximum) != "REDUCE_MAX":
            continue
        dequantize = producers[maximum.inputs[0]]
        if op_name(model, dequantize) != "DEQUANTIZE":
            continue
        scores, (result,) = dequantize.inputs[0], op.outputs
        graph.tensors[result].quantization = copy.deepcopy(
            graph.tensors[scores].quantization
        )
        in_int8 = make_operation(
            model, "REDUCE_MAX", [scores, maximum.inputs[1]], [result], 2
        )
        maximum.opcodeIndex = in_int8.opcodeIndex
        maximum.inputs, maximum.outputs = in_int8.inputs, in_int8.outputs
        removed += [op, dequantize]
    graph.operators = [
        op for op in graph.operators if not any(op is r for r in removed)
    ]


def _attention(model, skip_layers):
    """Each softmax of attention, with the product that it is for."""
    (graph,) = model.subgraphs
    readers = {}
    for op in graph.operators:
        for tensor in op.inputs:
            readers.setdefault(tensor, []).append(op)
    for op in graph.operators:
        if op_name(model, op) != "SOFTMAX":
            continue
        (scores,), (weights,) = op.inputs, op.outputs
        users = readers.get(weights, [])
        if [op_name(model, user) for user in users] != ["BATCH_MATMUL"]:
            continue
        if users[0].inputs[0] != weights:
            continue
        names = [tensor_name(graph, t) for t in (scores, *users[0].outputs)]
        if not any(
            re.search(scope, name) for scope in skip_layers for name in names
        ):
            yield op, users[0]


def _integer_way(model, softmax, product):
    """Operations, and the two tensors whose quotient is attention's output."""
    (graph,) = model.subgraphs
    (scores,), (weights,) = softmax.inputs, softmax.outputs
    shape = graph.tensors[scores].shape
    name = tensor_name(graph, weights)

    def tensor(part, like):
        return add_tensor(model, name + part, FLOAT32, like)

    last = add_tensor(
        model, f"{name}/integer/axis", INT32, [1], np.array([-1], np.int32)
    )
    maximum = tensor(_MAXIMUM, (*shape[:-1], 1))
    difference = tensor(_DIFFERENCE, shape)
    exponential = tensor(_EXPONENTIAL, shape)
    total = tensor(_TOTAL, (*shape[:-1], 1))
    numerator = tensor(_PRODUCT, graph.tensors[product.outputs[0]].shape)
    multiply = copy.copy(product)
    multiply.inputs = as_indices([exponential, product.inputs[1]])
    multiply.outputs = as_indices([numerator])
    operations = [
        make_operation(
            model, "REDUCE_MAX", [scores, last], [maximum], keepDims=True
        ),
        make_operation(
            model,
            "SUB",
            [scores, maximum],
            [difference],
            fusedActivationFunction=0,
        ),
        make_operation(model, "EXP", [difference], [exponential]),
        make_operation(
            model, "SUM", [exponential, last], [total], keepDims=True
        ),
        multiply,
    ]
    return operations, (numerator, total)


def _insert_before(graph, product, operations):
    at = next(i for i, op in enumerate(graph.operators) if op is product)
    graph.operators[at:at] = operations
