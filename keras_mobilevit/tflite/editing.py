"""Adding tensors and operations to a `.tflite` file's graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_mobilevit.optional_imports import import_optional

# Kind of operation -> name of the schema's table of its options.
_OPTIONS = {
    "ADD": "AddOptions",
    "ARG_MAX": "ArgMaxOptions",
    "CAST": "CastOptions",
    "CONCATENATION": "ConcatenationOptions",
    "DIV": "DivOptions",
    "MUL": "MulOptions",
    "REDUCE_MAX": "ReducerOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
}


def add_tensor(
    model,
    name: str,
    dtype: int,
    shape: Sequence[int],
    values: np.ndarray | None = None,
) -> int:
    """Adds a tensor to the only graph of a model.

    Args:
        model: As `read_model` gives it.
        name: Name.
        dtype: Code of the schema's `TensorType`.
        shape: Sides, all known.
        values: Of a constant, in that type.

    Returns:
        Its index.
    """
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    (graph,) = model.subgraphs
    tensor, buffer = schema.TensorT(), schema.BufferT()
    tensor.name, tensor.type = name.encode(), dtype
    tensor.shape = np.array(shape, np.int32)
    if values is not None:
        buffer.data = np.frombuffer(np.asarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def replace_constant(model, index: int, values: np.ndarray) -> None:
    """Gives a constant other values of its type, and a buffer of its own.

    The converter lets equal constants share a buffer.

    Args:
        model: As `read_model` gives it.
        index: Of the tensor.
        values: In the type of the tensor; the shape may be another.
    """
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    (graph,) = model.subgraphs
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = graph.tensors[index]
    tensor.buffer = len(model.buffers) - 1
    tensor.shape = np.array(values.shape, np.int32)


def remove_unused(model) -> None:
    """Removes tensors that nothing reads or makes, and buffers without tensors.

    Args:
        model: As `read_model` gives it, with one graph.
    """
    (graph,) = model.subgraphs
    used = {int(t) for t in (*graph.inputs, *graph.outputs)}
    for op in graph.operators:
        used.update(int(t) for t in (*op.inputs, *op.outputs) if t >= 0)
    kept = sorted(used)
    places = {old: new for new, old in enumerate(kept)} | {-1: -1}

    def moved(indices):
        return as_indices([places[int(index)] for index in indices])

    graph.tensors = [graph.tensors[index] for index in kept]
    graph.inputs, graph.outputs = moved(graph.inputs), moved(graph.outputs)
    for op in graph.operators:
        op.inputs, op.outputs = moved(op.inputs), moved(op.outputs)
    for signature in model.signatureDefs or ():
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = places[entry.tensorIndex]
    buffers = [0]
    entries = (*graph.tensors, *(model.metadata or ()))
    for entry in entries:
        if entry.buffer not in buffers:
            buffers.append(entry.buffer)
    for entry in entries:
        entry.buffer = buffers.index(entry.buffer)
    model.buffers = [model.buffers[index] for index in buffers]


def as_indices(tensors: Iterable[int]) -> np.ndarray:
    """Indices of tensors as a parsed operation has them.

    `write_model` writes equal arrays once; it can not do so with lists.
    """
    return np.array(list(tensors), np.int32)


def make_operation(
    model,
    kind: str,
    inputs: Sequence[int],
    outputs: Sequence[int],
    version: int = 1,
    **options: Any,
):
    """Makes an operation of TensorFlow Lite; the caller says where it goes.

    Args:
        model: As `read_model` gives it.
        kind: Name in the schema's `BuiltinOperator`.
        inputs: Indices of the tensors that it reads.
        outputs: Indices of the tensors that it makes.
        version: Of the kind, as its types ask for; see `op_versions`.
        **options: Fields of the kind's options.
    """
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    code = getattr(schema.BuiltinOperator, kind)
    op = _operation(model, schema, inputs, outputs, (code, None, version))
    if options:
        table = _OPTIONS[kind]
        op.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        op.builtinOptions = getattr(schema, f"{table}T")()
        vars(op.builtinOptions).update(options)
    return op


def make_custom_operation(
    model,
    kind: str,
    inputs: Sequence[int],
    outputs: Sequence[int],
    options: Mapping[str, Any],
):
    """Makes an operation that is not in the schema.

    Args:
        model: As in `make_operation`.
        kind: Name by which the runtime knows it.
        inputs: As in `make_operation`.
        outputs: As in `make_operation`.
        options: What it is told, as a flexbuffer.
    """
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    flexbuffers = import_optional("flatbuffers.flexbuffers", extra="tflite")
    code = (schema.BuiltinOperator.CUSTOM, kind.encode(), 1)
    op = _operation(model, schema, inputs, outputs, code)
    op.customOptions = np.frombuffer(flexbuffers.Dumps(options), np.uint8)
    return op


def _operation(model, schema, inputs, outputs, wanted):
    """`wanted` is a code of the schema, a custom name or `None`, a version."""
    op = schema.OperatorT()
    op.inputs, op.outputs = as_indices(inputs), as_indices(outputs)
    codes = model.operatorCodes
    found = [(c.builtinCode, c.customCode, c.version) for c in codes]
    if wanted not in found:
        code = schema.OperatorCodeT()
        code.builtinCode, code.customCode, code.version = wanted
        # Older runtimes read this field, which has 7 bits.
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        codes.append(code)
        found.append(wanted)
    op.opcodeIndex = found.index(wanted)
    return op


def set_outputs(model, outputs: Mapping[str, int]) -> None:
    """Gives a graph other outputs, and its signature with them.

    Args:
        model: As `read_model` gives it, with one signature.
        outputs: Name to index of the tensor, in the order in which the
            interpreter lists them. The tensors take these names.
    """
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    graph.outputs = list(outputs.values())
    signature.outputs = []
    for name, index in outputs.items():
        graph.tensors[index].name = name.encode()
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), index
        signature.outputs.append(entry)


def signature_outputs(model) -> dict[str, int]:
    """Name to index of the tensors that the only signature gives."""
    (signature,) = model.signatureDefs
    return {e.name.decode(): e.tensorIndex for e in signature.outputs}
