"""Groups of tensors whose channels can be scaled together without effect.

Between convolutions, many operations treat each channel alone: additions,
padding, means over the image. If whatever writes such tensors multiplies
channel c by a factor and whatever reads them divides by it, the outputs of the
network stay what they are (Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019, arXiv 1906.04721). An int8 tensor has
one scale for all of its channels, so this decides how many of the 256 levels
each channel gets.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from keras_mobilevit.tflite.flatbuffer import constant, op_name, tensor_name

# What can take factors into its weights as it writes: with one weight scale a
# channel, rounding stays what it was. Dense layers may have one in all.
_WRITERS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_READERS = (*_WRITERS, "FULLY_CONNECTED")


@dataclasses.dataclass(eq=False)
class Writer:
    """A convolution, with the SiLU behind it if there is one.

    Attributes:
        product: The operation with the weights.
        logistic: The sigmoid of its output, or `None` where it is linear.
        multiply: The product of output and sigmoid, or `None`.
    """

    product: Any
    logistic: Any = None
    multiply: Any = None

    @property
    def is_linear(self) -> bool:
        """Whether scaled weights scale the output alike."""
        return self.logistic is None


@dataclasses.dataclass(eq=False)
class Reader:
    """An operation with weights that reads the channels of a family.

    Attributes:
        product: The operation.
        offset: Place of the family's first channel in its input, which may
            be a concatenation.
    """

    product: Any
    offset: int = 0


@dataclasses.dataclass(eq=False)
class ChannelFamily:
    """Tensors that share their channels, and what writes and reads them.

    Attributes:
        name: Of the first tensor: what is written first.
        channels: Their number.
        tensors: Indices of all activations whose channels are scaled, but
            for the inputs of sigmoids.
        writers: What makes them.
        readers: What takes the factors away again.
    """

    name: str
    channels: int
    tensors: list[int]
    writers: list[Writer]
    readers: list[Reader]

    @property
    def gated(self) -> set[int]:
        """Indices of the tensors in front of a SiLU."""
        return {
            int(writer.product.outputs[0])
            for writer in self.writers
            if not writer.is_linear
        }


def channel_families(model) -> list[ChannelFamily]:
    """Finds the families of a float graph, in the order of its operations.

    Args:
        model: As `read_model` gives it.

    Returns:
        Those all of whose writers and readers have weights. A tensor that is
        an output of the graph, or is read by anything else, belongs to none.
    """
    return _Finder(model).families()


class _Finder:
    def __init__(self, model):
        self._model = model
        (self._graph,) = model.subgraphs
        self._producers = {}
        self._readers: dict[int, list] = {}
        for op in self._graph.operators:
            for tensor in op.outputs:
                self._producers[int(tensor)] = op
            for tensor in dict.fromkeys(map(int, op.inputs)):
                self._readers.setdefault(tensor, []).append(op)

    def families(self):
        found, seen = [], set()
        for op in self._graph.operators:
            tensor = int(op.outputs[0])
            if tensor in seen or self._writer(tensor) is None:
                continue
            family = self._grow(tensor)
            if family is not None:
                seen.update(family.tensors)
                found.append(family)
        return found

    def _grow(self, start):
        family = ChannelFamily(
            tensor_name(self._graph, start), self._width(start), [], [], []
        )
        queue = [start]
        while queue:
            tensor = queue.pop(0)
            if tensor in family.tensors:
                continue
            family.tensors.append(tensor)
            sources = self._sources(tensor, family)
            targets = self._targets(tensor, family)
            if sources is None or targets is None:
                return None
            queue += sources + targets
        return family if family.readers else None

    def _sources(self, tensor, family):
        """Tensors whose channels this one has; notes its writer instead."""
        writer = self._writer(tensor)
        if writer is not None:
            family.writers.append(writer)
            product = int(writer.product.outputs[0])
            if product != tensor:
                family.tensors.append(product)
            return []
        op = self._producers.get(tensor)
        if op is None or not self._keeps_channels(op):
            return None
        if op_name(self._model, op) == "ADD":
            return [int(index) for index in op.inputs]
        return [int(op.inputs[0])]

    def _targets(self, tensor, family):
        """Tensors that have the channels of this one; notes its readers."""
        targets = []
        if tensor in self._graph.outputs:
            return None
        for op in self._readers.get(tensor, []):
            kind = op_name(self._model, op)
            if kind in _READERS and int(op.inputs[0]) == tensor:
                if not self._has_weights(op):
                    return None
                family.readers.append(Reader(op))
            elif kind == "CONCATENATION":
                readers = self._behind_concatenation(op, tensor)
                if readers is None:
                    return None
                family.readers += readers
            elif self._keeps_channels(op):
                targets.append(int(op.outputs[0]))
            else:
                return None
        return targets

    def _behind_concatenation(self, op, tensor):
        joined = int(op.outputs[0])
        inputs = [int(index) for index in op.inputs]
        if (
            joined in self._graph.outputs
            or op.builtinOptions.axis not in (-1, self._rank(tensor) - 1)
            or inputs.count(tensor) != 1
        ):
            return None
        offset = sum(map(self._width, inputs[: inputs.index(tensor)]))
        readers = self._readers.get(joined, [])
        if not all(
            op_name(self._model, reader) in ("CONV_2D", "FULLY_CONNECTED")
            and self._has_weights(reader)
            for reader in readers
        ):
            return None
        return [Reader(reader, offset) for reader in readers]

    def _keeps_channels(self, op):
        """Whether the operation treats each channel alone, and linearly."""
        kind = op_name(self._model, op)
        if kind == "ADD":
            shapes = {
                tuple(self._graph.tensors[int(i)].shape)
                for i in (*op.inputs, *op.outputs)
            }
            # A constant, or a broadcast, would have to be scaled as well.
            return (
                len(shapes) == 1
                and not op.builtinOptions.fusedActivationFunction
                and all(self._values(int(i)) is None for i in op.inputs)
            )
        if kind == "PAD":
            return True
        if kind == "MEAN":
            axes = self._values(int(op.inputs[1]))
            rank = self._rank(int(op.inputs[0]))
            return axes is not None and not {-1, rank - 1} & set(axes.flat)
        return False

    def _writer(self, tensor):
        """What writes a tensor, if that has weights that can be scaled."""
        op = self._producers.get(tensor)
        if op is None:
            return None
        kind = op_name(self._model, op)
        if kind in _WRITERS:
            uses = self._readers.get(tensor, [])
            is_silu = any(
                op_name(self._model, use) == "LOGISTIC" for use in uses
            )
            return None if is_silu or not self._is_scalable(op) else Writer(op)
        if kind != "MUL":
            return None
        for gate, product in (op.inputs, reversed(op.inputs)):
            logistic = self._producers.get(int(gate))
            if (
                logistic is not None
                and op_name(self._model, logistic) == "LOGISTIC"
                and int(logistic.inputs[0]) == int(product)
                and len(self._readers[int(product)]) == 2
                and len(self._readers[int(gate)]) == 1
            ):
                source = self._producers.get(int(product))
                if (
                    source is not None
                    and op_name(self._model, source) in _WRITERS
                    and self._is_scalable(source)
                ):
                    return Writer(source, logistic, op)
        return None

    def _is_scalable(self, op):
        return (
            self._has_weights(op)
            and self._has_own_bias(op)
            and not op.builtinOptions.fusedActivationFunction
        )

    def _has_own_bias(self, op):
        """Whether no other layer has the bias, but one of zeros."""
        bias = int(op.inputs[2]) if len(op.inputs) > 2 else -1
        if bias < 0 or len(self._readers[bias]) == 1:
            return True
        values = self._values(bias)
        return values is not None and not values.any()

    def _has_weights(self, op):
        """Whether each filter sees all channels, or just one and its own."""
        kernel = int(op.inputs[1])
        weights = self._values(kernel)
        # Scaled for one layer, they would be wrong for another.
        if len(self._readers[kernel]) > 1:
            return False
        # Not so of grouped convolutions, nor of several filters a channel.
        return weights is not None and weights.shape[-1] == self._width(
            int(op.inputs[0])
        )

    def _values(self, index):
        return constant(self._model, self._graph, index)

    def _width(self, tensor):
        return int(self._graph.tensors[tensor].shape[-1])

    def _rank(self, tensor):
        return len(self._graph.tensors[tensor].shape)
