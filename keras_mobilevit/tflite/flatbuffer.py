"""Reading and writing `.tflite` files as objects of the TFLite schema."""

from __future__ import annotations

from keras_mobilevit.extras import require

_IDENTIFIER = b"TFL3"


def read_model(data: bytes):
    """Parses a `.tflite` file into the schema's `ModelT`.

    Raises:
        ValueError: If the bytes are no TFLite file.
    """
    if bytes(data[4:8]) != _IDENTIFIER:
        raise ValueError(
            "Expected a .tflite file, which has 'TFL3' at byte 4. Received: "
            f"{bytes(data[:8])!r}"
        )
    return _schema().ModelT.InitFromPackedBuf(data, 0)


def write_model(model) -> bytes:
    """Packs a `ModelT` into the bytes of a `.tflite` file."""
    builder = require("flatbuffers", extra="tflite").Builder(1 << 20)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def op_name(model, op) -> str:
    """Name of an operation's kind, such as `"CONV_2D"`."""
    return _op_names()[model.operatorCodes[op.opcodeIndex].builtinCode]


def tensor_name(graph, index: int) -> str:
    """Name of a tensor of a subgraph."""
    return graph.tensors[index].name.decode()


def _schema():
    return require("ai_edge_litert.schema_py_generated", extra="tflite")


def _op_names():
    operators = vars(_schema().BuiltinOperator)
    return {code: name for name, code in operators.items() if name.isupper()}
