"""What a `.tflite` file holds, as plain data."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.flatbuffer import op_name, read_model


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One tensor.

    Attributes:
        index: Place in the graph's list of tensors.
        name: Name.
        dtype: Type as the schema calls it, such as `"float32"` or `"int4"`.
        shape: Sides; -1 for one that is known only when the graph runs.
        scales: Quantization scales, one or one a channel; empty for floats.
        zero_points: Zero points, as many as scales; empty for floats.
        constant: Whether the file holds its values.
        size: Bytes, where each unknown side counts as 1.
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    constant: bool
    size: int


@dataclasses.dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        kind: Name of its kind, such as `"CONV_2D"`.
        version: Version of that kind, from 1.
        inputs: Tensors that it reads; optional ones may be `None`.
        outputs: Tensors that it makes.
        options: The schema's object with its settings, or `None`.
    """

    kind: str
    version: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Any


@dataclasses.dataclass(frozen=True)
class Graph:
    """The main graph of a file, and what there is beside it.

    Attributes:
        nodes: Operations in the order in which they run.
        inputs: Tensors that the caller sets.
        outputs: Tensors that the caller reads.
        tensors: All tensors.
        weight_bytes: Bytes of all constants of the file.
        subgraphs: Number of graphs in the file; the first is the main one.
        signatures: Names of the signatures.
        stated_runtime: Runtime that the converter noted, or `None`.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    tensors: tuple[Tensor, ...]
    weight_bytes: int
    subgraphs: int
    signatures: tuple[str, ...]
    stated_runtime: str | None


def read_graph(data: bytes) -> Graph:
    """Reads a `.tflite` file that the runtime has accepted.

    Nothing is verified here: give damaged files to `make_interpreter` first.

    Raises:
        ValueError: If the bytes are no TFLite file.
    """
    return describe_graph(read_model(data))


def describe_graph(model) -> Graph:
    """As `read_graph`, of what `read_model` gives."""
    main = model.subgraphs[0]
    tensors = tuple(
        _tensor(model, index, tensor)
        for index, tensor in enumerate(main.tensors)
    )
    used = {t.buffer for graph in model.subgraphs for t in graph.tensors}
    return Graph(
        nodes=tuple(_node(model, op, tensors) for op in main.operators),
        inputs=tuple(tensors[i] for i in main.inputs),
        outputs=tuple(tensors[i] for i in main.outputs),
        tensors=tensors,
        weight_bytes=sum(_buffer_size(model.buffers[i]) for i in used),
        subgraphs=len(model.subgraphs),
        signatures=tuple(
            definition.signatureKey.decode()
            for definition in model.signatureDefs or ()
        ),
        stated_runtime=_stated_runtime(model),
    )


def _tensor(model, index, tensor):
    dtype = _type_name(tensor.type)
    shape = _tuple(tensor.shape)
    quantization = tensor.quantization
    return Tensor(
        index=index,
        name=tensor.name.decode() if tensor.name else "",
        dtype=dtype,
        # The signature is left out where all sides are known.
        shape=_tuple(tensor.shapeSignature) or shape,
        scales=_tuple(quantization.scale) if quantization else (),
        zero_points=_tuple(quantization.zeroPoint) if quantization else (),
        constant=_buffer_size(model.buffers[tensor.buffer]) > 0,
        size=math.ceil(math.prod(shape) * _bits(dtype) / 8),
    )


def _node(model, op, tensors):
    code = model.operatorCodes[op.opcodeIndex]
    return Node(
        kind=code.customCode.decode()
        if code.customCode
        else op_name(model, op),
        version=code.version,
        inputs=tuple(None if i < 0 else tensors[i] for i in _tuple(op.inputs)),
        outputs=tuple(tensors[i] for i in _tuple(op.outputs)),
        options=op.builtinOptions,
    )


def _stated_runtime(model):
    for entry in model.metadata or ():
        if entry.name == b"min_runtime_version":
            data = model.buffers[entry.buffer].data
            text = bytes([] if data is None else data)
            return text.rstrip(b"\0").decode() or None
    return None


def _buffer_size(buffer):
    # Quantizers store values behind the flatbuffer, and then `size` counts.
    return buffer.size if buffer.data is None else len(buffer.data)


def _tuple(array):
    return () if array is None else tuple(v.item() for v in array)


def _bits(dtype):
    digits = re.search(r"\d+", dtype)
    # Texts and resources have no fixed size.
    return int(digits.group()) if digits else 8 * (dtype == "bool")


def _type_name(code):
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="runtime"
    )
    for name, value in vars(schema.TensorType).items():
        if name.isupper() and value == code:
            return name.lower()
    raise ValueError(f"The file has tensors of an unknown type: {code}.")
