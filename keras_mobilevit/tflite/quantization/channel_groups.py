"""Channels of like range in convolutions of their own.

Where a 1x1 convolution widens the image for a depthwise one, its channels are
sorted by their range and cut into groups. Each group has its own convolution,
SiLU and depthwise convolution, and so its own int8 scales. Behind the depthwise
convolution ranges match again, and the groups are joined. Splitting is exact:
every output has the same sum of products. On large images it takes less time
than the other form, which is in `equalization`.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence

import numpy as np

from keras_mobilevit.tflite.editing import (
    add_tensor,
    make_operation,
    replace_constant,
)
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    constant,
    op_name,
    tensor_name,
)
from keras_mobilevit.tflite.quantization.channels import ChannelFamily

GROUPS_SCOPE = "groups"
# The widest kernels, those for AVX512, take so many channels at once; a group
# that leaves a part of them empty costs as much as a full one.
GROUP_WIDTH = 16
_OPERANDS = ("input", "kernel", "bias")


def most_groups(model, family: ChannelFamily, families) -> int:
    """Into how many groups a family can be split, at most.

    Returns:
        1 if it is no expansion with a depthwise convolution behind, or too
        narrow to be split.
    """
    if not _is_expansion(model, family, families):
        return 1
    return max(1, family.channels // GROUP_WIDTH)


def _is_expansion(model, family, families):
    return (
        len(family.writers) == len(family.readers) == 1
        and not family.writers[0].is_linear
        and op_name(model, family.writers[0].product) == "CONV_2D"
        and op_name(model, family.readers[0].product) == "DEPTHWISE_CONV_2D"
        and _written_by(family.readers[0].product, families) is not None
    )


def groups_of_like_range(ranges: np.ndarray, count: int) -> list[np.ndarray]:
    """Groups of channels, each as even as can be.

    Args:
        ranges: Of the channels, positive.
        count: Number of groups, from 2; at most one for each `GROUP_WIDTH`
            channels.

    Returns:
        Indices of the channels of each group, the widest first. The sum of the
        logarithmic gaps to the widest of each group is least.
    """
    order = np.argsort(-ranges, kind="stable")
    octaves = np.log2(ranges[order])

    def gaps(cuts):
        ends = *cuts, len(order)
        widest = octaves[[0, *cuts]]
        return widest @ np.diff([0, *ends]) - octaves.sum()

    cuts = min(
        itertools.combinations(
            range(GROUP_WIDTH, len(order), GROUP_WIDTH), count - 1
        ),
        key=gaps,
    )
    return np.split(order, cuts)


def split_channels(
    model,
    family: ChannelFamily,
    families: Sequence[ChannelFamily],
    groups: Sequence[np.ndarray],
) -> None:
    """Splits an expansion and the depthwise convolution behind it, in place.

    Args:
        model: As `read_model` gives it.
        family: One for which `most_groups` is above 1.
        families: All of the model, among them that behind the depthwise
            convolution, whose readers take the channels in another order.
        groups: Indices of the channels of each group; together all of them.
    """
    (graph,) = model.subgraphs
    (writer,), (reader,) = family.writers, family.readers
    depthwise = reader.product
    pads = [
        op
        for op in graph.operators
        if op_name(model, op) == "PAD" and int(op.inputs[0]) in family.tensors
    ]
    chain = [writer.product, writer.logistic, writer.multiply, *pads, depthwise]
    parts, joined = [], []
    for number, channels in enumerate(groups):
        renamed: dict[int, int] = {}
        for op in chain:
            part = _part(model, op, channels, number, renamed)
            parts.append(part)
        joined.append(int(parts[-1].outputs[0]))
    parts.append(
        make_operation(
            model,
            "CONCATENATION",
            joined,
            depthwise.outputs,
            axis=3,
            fusedActivationFunction=0,
        )
    )
    at = next(i for i, op in enumerate(graph.operators) if op is depthwise)
    graph.operators[at:at] = parts
    graph.operators = [
        op for op in graph.operators if not any(op is old for old in chain)
    ]
    order = np.concatenate(groups)
    _reorder_factors(model, int(depthwise.outputs[0]), order)
    for behind in _written_by(depthwise, families).readers:
        index = behind.product.inputs[1]
        kernel = constant(model, graph, index).copy()
        stop = behind.offset + len(order)
        kernel[..., behind.offset : stop] = kernel[..., behind.offset + order]
        replace_constant(model, index, kernel)


def _reorder_factors(model, tensor, order):
    """Puts constants that multiply each channel of a tensor in its new order.

    Equalization of what lies behind the depthwise convolution added them.
    """
    (graph,) = model.subgraphs
    for op in graph.operators:
        if tensor not in map(int, op.inputs) or op_name(model, op) != "MUL":
            continue
        for index in map(int, op.inputs):
            values = constant(model, graph, index)
            if values is not None:
                replace_constant(model, index, values[..., order])


def _written_by(product, families):
    """The family that a convolution writes, and nothing else."""
    for family in families:
        if [writer.product for writer in family.writers] == [product]:
            return family
    return None


def _part(model, op, channels, number, renamed):
    """The part of an operation that is about some of its channels."""
    (graph,) = model.subgraphs
    part = copy.copy(op)
    is_depthwise = op_name(model, op) == "DEPTHWISE_CONV_2D"
    has_weights = is_depthwise or op_name(model, op) == "CONV_2D"
    (output,) = map(int, op.outputs)
    name = _part_name(tensor_name(graph, output), number)
    inputs = []
    for position, index in enumerate(map(int, op.inputs)):
        if has_weights and position > 0 and index >= 0:
            values = constant(model, graph, index)
            last = is_depthwise or values.ndim == 1
            values = values[..., channels] if last else values[channels]
            # Not by their own names: the converter lets layers share a bias
            # of zeros.
            index = add_tensor(
                model,
                f"{name}/{_OPERANDS[position]}",
                FLOAT32,
                values.shape,
                values,
            )
        inputs.append(renamed.get(index, index))
    part.inputs = inputs
    renamed[output] = add_tensor(
        model,
        name,
        FLOAT32,
        (*graph.tensors[output].shape[:-1], len(channels)),
    )
    part.outputs = [renamed[output]]
    return part


def _part_name(name, number):
    scope, _, operation = name.rpartition("/")
    return f"{scope}/{GROUPS_SCOPE}/{number}/{operation}"
