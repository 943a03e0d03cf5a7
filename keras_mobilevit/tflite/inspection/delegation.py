"""Which operations XNNPACK takes, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from keras_mobilevit.tflite.graph import Node

UNKNOWN_REASON = "no known rule"

_DELEGATE = "DELEGATE"


def delegated_nodes(details: Sequence[Mapping]) -> tuple[set[int], int]:
    """What an allocated interpreter has handed to XNNPACK.

    Args:
        details: What its `_get_ops_details` gives. There is no public list of
            an interpreter's nodes.

    Returns:
        `(nodes, partitions)`: indices of the operations in the file's order,
        and the number of pieces that they are executed in.
    """
    operations = [op for op in details if op["op_name"] != _DELEGATE]
    delegates = [op for op in details if op["op_name"] == _DELEGATE]

    # A delegate node replaces all that lies between its inputs and outputs.
    producers = {
        tensor: op for op in operations for tensor in map(int, op["outputs"])
    }
    covered = set()
    for delegate in delegates:
        stop = {int(tensor) for tensor in delegate["inputs"]}
        queue = [int(tensor) for tensor in delegate["outputs"]]
        while queue:
            tensor = queue.pop()
            op = producers.get(tensor)
            if tensor in stop or op is None or op["index"] in covered:
                continue
            covered.add(op["index"])
            queue.extend(int(tensor) for tensor in op["inputs"])
    return covered, len(delegates)


def why_left_out(node: Node) -> str:
    """What keeps an operation out of XNNPACK, as far as it is known.

    The rules are those of `xnnpack_delegate.cc` in LiteRT 2.3, as far as they
    were seen to hold; there are more. Ask about operations that were left
    out: whether one is, only the runtime knows.

    Returns:
        One sentence, most with the way out, or `UNKNOWN_REASON`.
    """
    for applies, reason in _RULES:
        if applies(node):
            return reason
    return UNKNOWN_REASON


# === Rules ===

# Each is a question to a node, and the reason to give where it is answered
# with yes. The first such one counts.
_RULES: list[tuple[Callable[[Node], bool], str]] = []

_BYTES = {"int8", "uint8"}
_INTEGERS = {"int32", "int64", "bool"}


def _rule(reason):
    def register(applies):
        _RULES.append((applies, reason))
        return applies

    return register


def _inputs(node):
    return [tensor for tensor in node.inputs if tensor is not None]


def _types(node):
    return {tensor.dtype for tensor in (*_inputs(node), *node.outputs)}


_ENDS = {"ARG_MAX", "TFLite_Detection_PostProcess"}


@_rule("XNNPACK has no such operation; it ends a mask or a detector")
def _ends_a_network(node):
    return node.kind in _ENDS


@_rule(
    "it computes with integers, which are mostly shapes: export with fixed "
    "batch and size"
)
def _makes_integers(node):
    return any(tensor.dtype in _INTEGERS for tensor in node.outputs)


@_rule(
    "a shape or an axis is computed when the graph runs: export with fixed "
    "batch and size"
)
def _has_computed_arguments(node):
    return any(
        tensor.dtype in _INTEGERS and not tensor.constant
        for tensor in _inputs(node)
    )


@_rule("XNNPACK takes tensors of rank 6 at most")
def _has_high_rank(node):
    return any(len(t.shape) > 6 for t in (*_inputs(node), *node.outputs))


@_rule("XNNPACK has no 16-bit kernels: use int8")
def _is_16_bit(node):
    return "int16" in _types(node)


_FLOAT_ONLY = {
    "ABS",
    "AVERAGE_POOL_2D",
    "DIV",
    "EXP",
    "GELU",
    "HARD_SWISH",
    "MAXIMUM",
    "MINIMUM",
    "NEG",
    "PRELU",
    "RELU",
    "RELU6",
    "RSQRT",
    "SOFTMAX",
    "SQRT",
    "SQUARED_DIFFERENCE",
}


@_rule("XNNPACK has no 8-bit kernel for it: keep it float")
def _is_float_only(node):
    return node.kind in _FLOAT_ONLY and node.outputs[0].dtype in _BYTES


@_rule(
    "XNNPACK multiplies 8-bit batches only if the second operand has zero "
    "point 0: quantize it symmetrically"
)
def _has_offset_operand(node):
    return (
        node.kind == "BATCH_MATMUL"
        and node.inputs[1].dtype in _BYTES
        and any(node.inputs[1].zero_points)
    )


# Kind -> smallest and largest quotient of input and output scale.
_SCALE_LIMITS = {
    "ADD": (2**-10, 2**8),
    "SUB": (2**-10, 2**8),
    "MUL": (2**-16, 2**8),
    "QUANTIZE": (2**-8, 2**7),
}


@_rule(
    "the scales of its input and output are further apart than XNNPACK "
    "takes: keep it float"
)
def _has_far_scales(node):
    if node.kind not in _SCALE_LIMITS or not _types(node) <= _BYTES:
        return False
    # In single precision, as XNNPACK divides: the limits are exact.
    scales = np.array([t.scales[0] for t in _inputs(node)], np.float32)
    if node.kind == "MUL":
        scales = np.prod(scales)
    quotients = scales / np.float32(node.outputs[0].scales[0])
    low, high = _SCALE_LIMITS[node.kind]
    # QUANTIZE takes its upper limit; the others stop short of theirs.
    above = quotients > high if node.kind == "QUANTIZE" else quotients >= high
    return bool(np.any((quotients < low) | above))


@_rule("XNNPACK does not convert int8 and uint8 into each other: use int8")
def _changes_sign(node):
    return node.kind == "QUANTIZE" and _types(node) == _BYTES


@_rule(
    "XNNPACK has no depthwise convolution of floats by int8 weights: keep "
    "the weights float, or make the activations int8"
)
def _is_hybrid_depthwise(node):
    return node.kind == "DEPTHWISE_CONV_2D" and [
        tensor.dtype for tensor in node.inputs[:2]
    ] == ["float32", "int8"]


@_rule("XNNPACK wants a bias here: add one, of zeros if need be")
def _lacks_bias(node):
    return node.kind == "DEPTHWISE_CONV_2D" and len(_inputs(node)) < 3


@_rule(
    "the slice adds or removes an axis, as x[:, 0] does: slice a range "
    "instead, or split"
)
def _slices_axes_away(node):
    return node.kind == "STRIDED_SLICE" and bool(
        node.options.shrinkAxisMask
        or node.options.newAxisMask
        or node.options.ellipsisMask
    )


@_rule("XNNPACK concatenates at most 5 tensors: do it in steps")
def _concatenates_many(node):
    return node.kind == "CONCATENATION" and len(node.inputs) > 5
