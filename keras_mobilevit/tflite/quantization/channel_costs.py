"""What it takes to bring channels to like ranges, by a count of operations."""

from __future__ import annotations

import math

import numpy as np

from keras_mobilevit.tflite.flatbuffer import PRODUCTS, constant, op_name
from keras_mobilevit.tflite.quantization.channel_choice import EQUALIZE, Way
from keras_mobilevit.tflite.quantization.channels import ChannelFamily

# What it takes, in multiply-accumulates: one int8 element that is read and
# written, and one operation whatever its size.
_ELEMENT_COST, _OPERATION_COST = 40, 300_000
# Fitted to x86 cores with AVX512-VNNI, where additions weigh most because
# products are fast: such elements for each of a SiLU whose sigmoid has an input
# of its own, which XNNPACK no longer computes as one table lookup, and for each
# that a further group reads again, or that groups are joined to.
_EQUALIZED_COST, _GROUP_COST = 2.4, 0.7
# Convolution, depthwise convolution, sigmoid and multiplication.
_GROUP_OPERATIONS = 4


class Costs:
    """Of the ways for the families of a float graph.

    Args:
        model: As `read_model` gives it.
    """

    def __init__(self, model):
        self._model = model
        (self._graph,) = model.subgraphs
        self._time = self._whole_time()

    def of(self, family: ChannelFamily, way: Way) -> float:
        """Share of the time of the int8 file that a way adds."""

        def elements(tensors):
            return sum(element_count(self._graph, tensor) for tensor in tensors)

        if way == EQUALIZE:
            operations = len(family.gated)
            passes = _EQUALIZED_COST * elements(family.gated)
        else:
            (writer,), (reader,) = family.writers, family.readers
            added = way.groups - 1
            operations = added * _GROUP_OPERATIONS + 1
            again = added * elements(writer.product.inputs[:1])
            joined = elements(reader.product.outputs)
            passes = _GROUP_COST * (again + joined)
        cost = _ELEMENT_COST * passes + _OPERATION_COST * operations
        return cost / self._time

    def _whole_time(self):
        """Of the whole int8 file, in multiply-accumulates."""
        time = 0
        for op in self._graph.operators:
            elements = element_count(self._graph, op.outputs[0])
            time += _ELEMENT_COST * elements + _OPERATION_COST
            kind = op_name(self._model, op)
            if kind == "BATCH_MATMUL":
                shape = self._graph.tensors[int(op.inputs[0])].shape
                time += elements * int(shape[-1])
            elif kind in PRODUCTS:
                kernel = constant(self._model, self._graph, int(op.inputs[1]))
                if kernel is not None:
                    filters = _elements_of(kind, kernel)
                    time += elements * filters
        return time


def element_count(graph, tensor: int) -> int:
    """Values of an activation; those of the file's int32 sides overflow."""
    return math.prod(map(int, graph.tensors[int(tensor)].shape))


def _elements_of(kind: str, kernel: np.ndarray) -> int:
    """Weights that one output value is a sum of."""
    outputs = kernel.shape[-1 if kind == "DEPTHWISE_CONV_2D" else 0]
    return kernel.size // outputs
