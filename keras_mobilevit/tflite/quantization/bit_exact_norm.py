"""Norms with the same bits on every processor.

The norms of an int8 file are float, and XNNPACK's float kernels differ in the
last bits from one processor to the next. Each such bit can turn a rounding to
int8, and with it an answer. Two things make these norms exact:

- Sums do not depend on their order if nothing is rounded. The squares of
  `n * 2**k` are integers of 16 bits times `4**k`, and 258 of them fit a float.
  So what a norm reads gets a power of two as its scale (`scales.py`).
- The root is made anew by one step of Heron's method, out of operations that
  IEEE 754 rounds correctly. Of the sum `y + x / y`, the first part is a
  multiple of the last place in which the second is rounded. So the sum is twice
  the root, rounded there, whichever of the nearest floats `y` was: in all 16.7
  million floats between 1 and 4, XNNPACK's root on x86 and the exact one gave
  the same, where they themselves differ in a third.
"""

from __future__ import annotations

import numpy as np

from keras_mobilevit.tflite.editing import add_tensor, make_operation
from keras_mobilevit.tflite.flatbuffer import FLOAT32, op_name, tensor_name


def use_bit_exact_norms(model) -> None:
    """Replaces `RSQRT` by operations that are the same everywhere, in place.

    The output stays the same, up to float32 rounding.

    Args:
        model: In float, as `read_model` gives it.
    """
    (graph,) = model.subgraphs
    rewritten = []
    two = None
    for op in graph.operators:
        if op_name(model, op) != "RSQRT":
            rewritten.append(op)
            continue
        (square,), (inverse,) = op.inputs, op.outputs
        name = tensor_name(graph, inverse)
        if two is None:
            two = add_tensor(model, f"{name}/two", FLOAT32, (), np.float32(2))
        near, rest, twice = (
            add_tensor(
                model, f"{name}/{part}", FLOAT32, graph.tensors[square].shape
            )
            for part in ("near", "rest", "twice")
        )
        rewritten += [
            make_operation(model, "SQRT", [square], [near]),
            _arithmetic(model, "DIV", [square, near], rest),
            _arithmetic(model, "ADD", [near, rest], twice),
            _arithmetic(model, "DIV", [two, twice], inverse),
        ]
    graph.operators = rewritten


def _arithmetic(model, kind, inputs, output):
    return make_operation(
        model, kind, inputs, [output], fusedActivationFunction=0
    )
