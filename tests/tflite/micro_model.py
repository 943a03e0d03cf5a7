"""Graphs of a few operations, put together by hand: no converter, no guess."""

import dataclasses

import numpy as np

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.flatbuffer import write_model


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor; one with values is a constant, -1 marks an unknown side."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: float | tuple[float, ...] | None = None
    zero_point: int = 0
    values: object = None
    axis: int = 0


def micro_model(tensors, nodes, *, signature=None, subgraphs=1, metadata=None):
    """Bytes of a `.tflite` file.

    Args:
        tensors: Name -> `Tensor`.
        nodes: `(kind, input names, output names, options)`, in order;
            `options` is None or `(name, {field: value})`, as in the schema.
        signature: Name of a signature over all inputs and outputs, or None.
        subgraphs: The graph is stored so many times.
        metadata: Name -> bytes.
    """
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    names = list(tensors)
    buffers, tensor_objects = [_object(schema.BufferT)], []
    for name, tensor in tensors.items():
        buffer = 0
        if tensor.values is not None:
            values = np.asarray(tensor.values, tensor.dtype)
            values = np.broadcast_to(values, tensor.shape)
            data = np.frombuffer(values.tobytes(), np.uint8)
            buffers.append(_object(schema.BufferT, data=data))
            buffer = len(buffers) - 1
        quantization = None
        if tensor.scale is not None:
            scales = np.atleast_1d(np.float32(tensor.scale))
            quantization = _object(
                schema.QuantizationParametersT,
                scale=scales,
                zeroPoint=np.full(scales.shape, tensor.zero_point, np.int64),
                quantizedDimension=tensor.axis,
            )
        tensor_objects.append(
            _object(
                schema.TensorT,
                name=name,
                type=getattr(schema.TensorType, tensor.dtype.upper()),
                shape=np.maximum(tensor.shape, 1).astype(np.int32),
                shapeSignature=np.array(tensor.shape, np.int32),
                buffer=buffer,
                quantization=quantization,
            )
        )
    codes, operators = [], []
    for kind, inputs, outputs, options in nodes:
        code = getattr(schema.BuiltinOperator, kind)
        codes.append(
            _object(
                schema.OperatorCodeT,
                builtinCode=code,
                deprecatedBuiltinCode=min(code, 127),
                version=1,
            )
        )
        operator = _object(
            schema.OperatorT,
            opcodeIndex=len(codes) - 1,
            inputs=np.array([names.index(n) for n in inputs], np.int32),
            outputs=np.array([names.index(n) for n in outputs], np.int32),
        )
        if options is not None:
            option, fields = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, option)
            operator.builtinOptions = _object(
                getattr(schema, f"{option}T"), **fields
            )
        operators.append(operator)
    made = {name for node in nodes for name in node[2]}
    used = {name for node in nodes for name in node[1]}
    inputs = [n for n in names if n not in made and tensors[n].values is None]
    outputs = [n for n in names if n in made and n not in used]
    graph = _object(
        schema.SubGraphT,
        name="main",
        tensors=tensor_objects,
        inputs=np.array([names.index(n) for n in inputs], np.int32),
        outputs=np.array([names.index(n) for n in outputs], np.int32),
        operators=operators,
    )
    model = _object(
        schema.ModelT,
        version=3,
        description="",
        operatorCodes=codes,
        subgraphs=[graph] * subgraphs,
        buffers=buffers,
    )
    if signature is not None:
        model.signatureDefs = [
            _object(
                schema.SignatureDefT,
                signatureKey=signature,
                subgraphIndex=0,
                inputs=_signature(schema, names, inputs),
                outputs=_signature(schema, names, outputs),
            )
        ]
    for name, data in (metadata or {}).items():
        buffers.append(
            _object(schema.BufferT, data=np.frombuffer(data, np.uint8))
        )
        model.metadata = [
            *(model.metadata or ()),
            _object(schema.MetadataT, name=name, buffer=len(buffers) - 1),
        ]
    return write_model(model)


def _signature(schema, names, chosen):
    return [
        _object(
            schema.TensorMapT,
            name=f"{name}_name",
            tensorIndex=names.index(name),
        )
        for name in chosen
    ]


def _object(kind, **fields):
    made = kind()
    for name, value in fields.items():
        assert hasattr(made, name), name
        setattr(made, name, value)
    return made
