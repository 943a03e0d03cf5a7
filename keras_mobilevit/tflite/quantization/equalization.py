"""Channels of a family scaled to like ranges, exactly.

A linear writer takes the factors into its weights. SiLU is not homogeneous, but
of its two factors one is:

    s SiLU(x) = (s x) sigmoid(x)

So the weights of the writer give `s x`, every channel of which can have the
same range, and only the sigmoid needs `x` itself. A multiplication of `s x` by
`1 / s` gives it, cheaper than a second product. Its result may be clamped to
[-8, 8], beyond which a sigmoid in 8 bits is flat.
"""

from __future__ import annotations

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
from keras_mobilevit.tflite.quantization.channels import (
    ChannelFamily,
    Reader,
    Writer,
)

# Part of the names of the inputs of sigmoids, which are not scaled.
GATE_SCOPE = "gate"
# A sigmoid of 8 bits rounds to 0 or to 1 beyond.
GATE_RANGE = 8.0
# An int8 constant holds the whole numbers up to this one.
_MOST_STEPS = 127


def scale_channels(model, family: ChannelFamily, factors: np.ndarray) -> None:
    """Multiplies the channels of a family by factors, in place.

    The outputs of the graph stay the same, up to float32 rounding.

    Args:
        model: As `read_model` gives it.
        family: Found in this very model.
        factors: `(channels,)`, of `representable_factors`.
    """
    for writer in family.writers:
        if writer.is_linear:
            _scale_writer(model, writer.product, factors)
        else:
            _add_multiplication(model, writer, factors)
    for reader in family.readers:
        _scale_reader(model, reader, factors)


def representable_factors(factors: np.ndarray) -> np.ndarray:
    """The nearest factors whose inverses an int8 constant holds exactly.

    Args:
        factors: `(channels,)`, positive.

    Returns:
        The largest factor, divided by whole numbers up to 127.
    """
    largest = factors.max()
    steps = np.clip(np.round(largest / factors), 1, _MOST_STEPS)
    return largest / steps


def gate_name(name: str) -> str:
    """Name of a sigmoid's input, by that of the scaled tensor beside it."""
    scope, _, operation = name.rpartition("/")
    return f"{scope}/{GATE_SCOPE}/{operation}"


def is_gate(name: str) -> bool:
    """Whether an activation is only read by a sigmoid, and may be clamped."""
    return f"/{GATE_SCOPE}/" in name


def _scale_writer(model, op, factors):
    (graph,) = model.subgraphs
    kernel = constant(model, graph, op.inputs[1])
    if op_name(model, op) == "DEPTHWISE_CONV_2D":
        kernel = kernel * factors
    else:
        kernel = kernel * factors.reshape(-1, *[1] * (kernel.ndim - 1))
    replace_constant(model, op.inputs[1], kernel.astype(np.float32))
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        bias = constant(model, graph, op.inputs[2]) * factors
        replace_constant(model, op.inputs[2], bias.astype(np.float32))


def _scale_reader(model, reader: Reader, factors):
    (graph,) = model.subgraphs
    index = reader.product.inputs[1]
    kernel = constant(model, graph, index).copy()
    stop = reader.offset + len(factors)
    kernel[..., reader.offset : stop] /= factors.astype(np.float32)
    replace_constant(model, index, kernel)


def _add_multiplication(model, writer: Writer, factors):
    (graph,) = model.subgraphs
    (scaled,) = writer.product.outputs
    shape = graph.tensors[scaled].shape
    name = gate_name(tensor_name(graph, scaled))
    # Rows of a whole line of pixels, over which the kernels are fast; those of
    # the channels of one pixel are too short.
    line = np.tile(1 / factors, (*[1] * (len(shape) - 2), shape[-2], 1))
    inverse = add_tensor(
        model,
        f"{name}/constant",
        FLOAT32,
        line.shape,
        line.astype(np.float32),
    )
    output = add_tensor(model, name, FLOAT32, shape)
    gate = make_operation(
        model, "MUL", [scaled, inverse], [output], fusedActivationFunction=0
    )
    _scale_writer(model, writer.product, factors)
    writer.logistic.inputs = [output]
    _insert_behind(graph, writer.product, gate)


def _insert_behind(graph, op, added):
    at = next(i for i, other in enumerate(graph.operators) if other is op)
    graph.operators.insert(at + 1, added)
