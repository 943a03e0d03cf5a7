"""Running a part of a graph, and seeing what is inside.

XNNPACK does not keep what lies between two operations. To look at it, the
operations become a file of their own, whose outputs are the tensors in
question. So float and int8 values are those that a phone would have, and it
takes no longer than running the network.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from keras_mobilevit.machine import usable_cores
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    INT8,
    UINT8,
    is_constant,
    write_model,
)


def observe(
    model,
    operations: Sequence,
    inputs: Mapping[int, Sequence[np.ndarray]],
    wanted: Sequence[int],
) -> Iterator[list[np.ndarray]]:
    """Yields what operations give, example by example.

    Args:
        model: As `read_model` gives it, with one graph.
        operations: Some of its operations, in order.
        inputs: Index of a tensor to its values, one array an example; all
            that the operations read and do not make themselves. Others are
            ignored.
        wanted: Indices of the tensors to look at, all of them made by the
            operations.

    Yields:
        For each example the values of the `wanted` tensors, in that order.
    """
    litert = import_optional("ai_edge_litert.interpreter", extra="tflite")
    operations = _with_weights(model, operations)
    needed = list(_needed(model, operations))
    interpreter = litert.Interpreter(
        model_content=_submodel(model, operations, needed, wanted),
        num_threads=usable_cores(),
    )
    interpreter.allocate_tensors()
    sources = [d["index"] for d in interpreter.get_input_details()]
    results = [d["index"] for d in interpreter.get_output_details()]
    for example in range(len(inputs[needed[0]])):
        for tensor, source in zip(needed, sources, strict=True):
            interpreter.set_tensor(source, inputs[tensor][example])
        interpreter.invoke()
        yield [interpreter.get_tensor(result) for result in results]


def observe_images(
    model, images: np.ndarray, wanted: Sequence[int]
) -> Iterator[list[np.ndarray]]:
    """As `observe`, of the whole graph.

    Args:
        model: As `read_model` gives it, with one float32 input.
        images: `(count, height, width, channels)`, pixels in [0, 255].
        wanted: Indices of the tensors to look at.
    """
    (graph,) = model.subgraphs
    return observe(model, graph.operators, as_inputs(graph, images), wanted)


def as_inputs(graph, images: np.ndarray) -> dict[int, Sequence[np.ndarray]]:
    """Images as `observe` takes them, for the only input of a graph."""
    (index,) = map(int, graph.inputs)
    return {index: _Pixels(images, graph.tensors[index])}


class _Pixels(Sequence):
    """Images as an input takes them, made when they are asked for."""

    def __init__(self, images, details):
        self._images = images
        self._details = details

    def __len__(self):
        return len(self._images)

    def __getitem__(self, place):
        pixels = self._images[place][None].astype(np.float32)
        if self._details.type == FLOAT32:
            return pixels
        quantization = self._details.quantization
        steps = np.round(pixels / quantization.scale[0])
        dtype = {INT8: np.int8, UINT8: np.uint8}[self._details.type]
        limits = np.iinfo(dtype)
        return np.clip(
            steps + quantization.zeroPoint[0], limits.min, limits.max
        ).astype(dtype)


def last_uses(graph) -> dict[int, int]:
    """Index of a tensor to the place of the last operation that reads it."""
    return {
        int(tensor): place
        for place, op in enumerate(graph.operators)
        for tensor in op.inputs
    }


def unpacks_weights(model, op) -> bool:
    """Whether an operation only makes floats out of constants.

    XNNPACK has to see it beside the layer that reads them.
    """
    (graph,) = model.subgraphs
    return all(is_constant(model, graph, int(i)) for i in op.inputs)


def _with_weights(model, operations) -> list:
    """Operations, and before them those that unpack their weights."""
    (graph,) = model.subgraphs
    read = {int(tensor) for op in operations for tensor in op.inputs}
    added = [
        op
        for op in graph.operators
        if unpacks_weights(model, op)
        and read.intersection(map(int, op.outputs))
        and not any(op is other for other in operations)
    ]
    return [*added, *operations]


def _needed(model, operations) -> Iterable[int]:
    """Activations that operations read and do not make, each once."""
    (graph,) = model.subgraphs
    known = {int(tensor) for op in operations for tensor in op.outputs}
    for op in operations:
        for tensor in map(int, op.inputs):
            if tensor in known or tensor < 0:
                continue
            known.add(tensor)
            if not is_constant(model, graph, tensor):
                yield tensor


def _submodel(model, operations, inputs, outputs) -> bytes:
    """A file of some operations, with the tensors that they need alone."""
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    (source,) = model.subgraphs
    part, graph = schema.ModelT(), schema.SubGraphT()
    part.version, part.operatorCodes = model.version, model.operatorCodes
    part.subgraphs, part.buffers = [graph], [schema.BufferT()]
    graph.tensors, graph.operators = [], []
    places: dict[int, int] = {}

    def place(index):
        index = int(index)
        if index >= 0 and index not in places:
            places[index] = len(graph.tensors)
            tensor = copy.copy(source.tensors[index])
            buffer = model.buffers[tensor.buffer]
            tensor.buffer = 0
            if buffer.data is not None:
                tensor.buffer = len(part.buffers)
                part.buffers.append(buffer)
            graph.tensors.append(tensor)
        return places.get(index, -1)

    def place_all(indices):
        return np.array([place(index) for index in indices], np.int32)

    for op in operations:
        moved = copy.copy(op)
        moved.inputs = place_all(op.inputs)
        moved.outputs = place_all(op.outputs)
        graph.operators.append(moved)
    graph.inputs, graph.outputs = place_all(inputs), place_all(outputs)
    return write_model(part)
