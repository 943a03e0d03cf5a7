"""Reading and writing `.tflite` files as objects of the TFLite schema."""

from __future__ import annotations

import copy
import dataclasses
import functools
import struct
from typing import Any

import numpy as np

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.trial_run import trust_file

_IDENTIFIER = b"TFL3"
# Codes of the schema's `TensorType`.
FLOAT32, FLOAT16, INT32, UINT8, INT8 = 0, 1, 2, 3, 9
_DTYPES = {
    FLOAT32: np.float32,
    FLOAT16: np.float16,
    INT32: np.int32,
    UINT8: np.uint8,
    INT8: np.int8,
}
# Kinds of layers with weights.
PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclasses.dataclass(frozen=True, eq=False)
class ParsedFile:
    """A `.tflite` file and the graph in it, which belong together.

    Neither is edited: a pass gets a copy of the model.

    Attributes:
        data: The file.
        model: The schema's `ModelT` of it.
    """

    data: bytes
    model: Any

    @classmethod
    def parse(cls, data: bytes) -> ParsedFile:
        """Parses a file, as `read_model` does."""
        return cls(data, read_model(data))

    @classmethod
    def pack(cls, model) -> ParsedFile:
        """Packs a model that nothing edits from now on."""
        return cls(write_model(model), model)

    def copy_model(self):
        """A copy of the model, to be edited."""
        return copy.deepcopy(self.model)


def read_model(data: bytes):
    """Parses a `.tflite` file into the schema's `ModelT`.

    Raises:
        ValueError: If the bytes are no TFLite file, or one that is cut off.
    """
    if bytes(data[4:8]) != _IDENTIFIER:
        raise ValueError(
            "Expected a .tflite file, which has 'TFL3' at byte 4. Received: "
            f"{bytes(data[:8])!r}"
        )
    try:
        model = _schema().ModelT.InitFromPackedBuf(data, 0)
        for buffer in model.buffers:
            # The quantizer keeps the constants behind the flatbuffer.
            if buffer.offset > 1:
                buffer.data = np.frombuffer(
                    data, np.uint8, buffer.size, buffer.offset
                )
                buffer.offset = buffer.size = 0
    except (struct.error, ValueError) as error:
        raise ValueError(
            f"Expected a complete .tflite file. Received {len(data):,} bytes "
            f"that end too early ({error})."
        ) from error
    return model


def write_model(model) -> bytes:
    """Packs a `ModelT` into the bytes of a `.tflite` file.

    Equal vectors are written once: the zero points of all channels are zero,
    and would take a tenth of an int8 file.
    """
    builder = _sharing_builder()
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    data = bytes(builder.Output())
    trust_file(data)
    return data


def _sharing_builder():
    flatbuffers = import_optional("flatbuffers", extra="runtime")

    class SharingBuilder(flatbuffers.Builder):
        def __init__(self):
            super().__init__(1 << 20)
            self._written = {}

        def CreateNumpyVector(self, x):  # noqa: N802 (overrides)
            key = x.dtype.str, x.tobytes()
            if key not in self._written:
                self._written[key] = super().CreateNumpyVector(x)
            return self._written[key]

    return SharingBuilder()


def add_metadata(model, name: str, data: bytes) -> None:
    """Adds a named buffer beside the graph, in place of one of that name."""
    schema = _schema()
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name.encode(), len(model.buffers)
    model.buffers.append(buffer)
    others = [e for e in model.metadata or () if e.name != name.encode()]
    model.metadata = [*others, entry]


def constant(model, graph, index: int) -> np.ndarray | None:
    """Values of a constant tensor, as stored; `None` for an activation."""
    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data
    if data is None:
        return None
    dtype = _DTYPES[tensor.type]
    return np.frombuffer(bytes(data), dtype).reshape(tensor.shape)


def is_constant(model, graph, index: int) -> bool:
    """Whether the file holds the values of a tensor."""
    return model.buffers[graph.tensors[index].buffer].data is not None


def set_constant(model, graph, index: int, values: np.ndarray) -> None:
    """Replaces the values of a constant tensor by others of its type."""
    buffer = model.buffers[graph.tensors[index].buffer]
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)


def set_quantization(tensor, scale: float, zero_point: int) -> None:
    """Gives a tensor one scale and zero point for all of its values."""
    tensor.quantization = _schema().QuantizationParametersT()
    tensor.quantization.scale = np.array([scale], np.float32)
    tensor.quantization.zeroPoint = np.array([zero_point], np.int64)


def op_name(model, op) -> str:
    """Name of an operation's kind, such as `"CONV_2D"`."""
    code = model.operatorCodes[op.opcodeIndex]
    # Files from before 2020 have the code in the older field alone.
    return _op_names()[max(code.builtinCode, code.deprecatedBuiltinCode)]


def tensor_name(graph, index: int) -> str:
    """Name of a tensor of a subgraph."""
    return graph.tensors[index].name.decode()


def _schema():
    return import_optional(
        "ai_edge_litert.schema_py_generated", extra="runtime"
    )


@functools.cache
def _op_names():
    operators = vars(_schema().BuiltinOperator)
    return {code: name for name, code in operators.items() if name.isupper()}
