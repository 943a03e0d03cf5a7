"""Which TensorFlow Lite runtime an operation asks for.

The numbers are TensorFlow's; LiteRT, which counts its releases anew, has all
that is listed here.
"""

from __future__ import annotations

import re

from keras_mobilevit.tflite.graph import Graph, Node

# Kind -> runtimes of its versions 1, 2, 3..., for the kinds in MobileViT files
# of this and other projects. From FindMinimumRuntimeVersionForOp in
# tflite/converter/tools/versioning/runtime_version.cc of LiteRT (August 2026;
# tensorflow/compiler/mlir/lite/tools/versioning/ in TensorFlow).
_RUNTIMES = {
    "ABS": "1.13.0 2.4.0 2.5.0 2.6.0 2.12.0",
    "ADD": "1.5.0 1.14.0 2.4.0 2.6.0 2.13.0 2.23.0",
    "ARG_MAX": "1.9.0 1.14.0 2.9.0",
    "AVERAGE_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "BATCH_MATMUL": "2.3.0 2.3.0 2.4.0 2.5.0",
    "CAST": "1.5.0 2.7.0 2.8.0 2.9.0 2.12.0 2.15.0 2.17.0 2.21.0 2.23.0",
    "CONCATENATION": "1.5.0 1.14.0 2.3.0 2.14.0 2.21.0 2.23.0 2.23.0",
    "CONV_2D": "1.5.0 1.14.0 1.14.0 2.3.0 2.4.0 2.9.0 2.11.0 2.15.0",
    "CUMSUM": "2.4.0",
    "DEPTHWISE_CONV_2D": "1.5.0 1.12.0 1.14.0 2.2.0 2.3.0 2.3.0 2.11.0",
    "DEPTH_TO_SPACE": "2.1.0 2.5.0",
    "DEQUANTIZE": (
        "1.13.1 1.14.0 1.15.0 2.2.0 2.7.0 2.18.0 2.21.0 2.22.0 2.23.0"
    ),
    "DIV": "1.6.0 2.3.0",
    "EXP": "1.7.0 2.12.0",
    "EXPAND_DIMS": "1.10.0",
    "FULLY_CONNECTED": (
        "1.5.0 1.10.0 1.14.0 1.14.0 2.0.0 2.1.0 2.3.0 2.3.0 2.3.0 2.11.0 "
        "2.15.0 2.17.0 2.18.0 2.21.0"
    ),
    "GATHER": "1.6.0 1.14.0 1.15.0 2.4.0 2.5.0 2.13.0 2.15.0 2.23.0",
    "GELU": "2.9.0 2.9.0 2.23.0",
    "HARD_SWISH": "1.15.0",
    "LOGISTIC": "1.14.0 1.14.0 2.3.0",
    "MAXIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MAX_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "MEAN": "1.6.0 1.14.0 2.4.0",
    "MINIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MUL": "1.5.0 1.14.0 1.15.0 2.3.0 2.6.0 2.11.0 2.13.0 2.23.0",
    "NEG": "1.9.0",
    "PACK": "1.11.0 1.14.0 2.3.0 2.13.0 2.23.0",
    "PAD": "1.5.0 1.14.0 2.4.0 2.6.0 2.20.0 2.23.0",
    "QUANTIZE": "1.14.0 1.15.0 2.7.0 2.21.0 2.21.0 2.21.0",
    "REDUCE_MAX": "1.11.0 1.14.0 2.5.0",
    "REDUCE_PROD": "1.11.0 2.6.0",
    "RELU": "1.5.0 2.1.0 2.5.0",
    "RELU6": "1.5.0 1.14.0 2.5.0",
    "RESHAPE": "1.5.0",
    "RESIZE_BILINEAR": "1.7.0 1.14.0 2.2.0 2.5.0",
    "RSQRT": "1.10.0 2.5.0 2.15.0",
    "SHAPE": "1.10.0",
    "SLICE": "1.14.0 1.14.0 1.14.0 2.4.0 2.5.0 2.14.0 2.21.0 2.23.0",
    "SOFTMAX": "1.5.0 1.14.0 2.3.0 2.23.0",
    "SPACE_TO_DEPTH": "1.5.0 1.14.0",
    "SPLIT": "1.5.0 1.14.0 1.14.0 2.3.0 2.23.0",
    "SPLIT_V": "1.13.1 2.3.0 2.23.0",
    "SQRT": "1.10.0 2.21.0",
    "SQUARE": "1.12.0",
    "SQUARED_DIFFERENCE": "1.13.1 2.5.0",
    "SQUEEZE": "1.6.0 2.5.0",
    "STRIDED_SLICE": "1.6.0 1.14.0 2.1.0 2.2.0 2.5.0 2.6.0 2.14.0 2.14.0",
    "SUB": "1.6.0 1.14.0 2.3.0 2.4.0 2.4.0",
    "SUM": "1.10.0 1.15.0",
    "TANH": "1.14.0 1.14.0 2.3.0",
    # Custom, and no part of that list: 2.14 is the oldest that was tried.
    "TFLite_Detection_PostProcess": "2.14.0",
    "TRANSPOSE": "1.6.0 1.14.0 1.15.0 2.3.0 2.4.0 2.12.0 2.14.4 2.22.0 2.23.0",
}


def minimum_runtime(node: Node) -> str | None:
    """First TensorFlow Lite that runs an operation rightly.

    Returns:
        Such as `"2.3.0"`; `None` where the table has no such entry.
    """
    runtimes = _RUNTIMES.get(node.kind, "").split()
    version = node.version
    if _multiplies_by_scaled_channels(node):
        # Quantizers change the types and leave the version as it was. Here an
        # older runtime would take the first channel's scale for all.
        version = max(version, 12)
    return runtimes[version - 1] if 1 <= version <= len(runtimes) else None


def graph_runtime(graph: Graph) -> str | None:
    """First TensorFlow Lite that has all operations with a known minimum."""
    known = {minimum_runtime(node) for node in graph.nodes} - {None}
    return max(known, key=parse_version, default=None)


def parse_version(text: str) -> tuple[int, ...]:
    """`"2.14.0"` to `(2, 14, 0)`, which compares as versions do."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _multiplies_by_scaled_channels(node):
    return (
        node.kind == "FULLY_CONNECTED"
        and node.inputs[0].dtype == "float32"
        and node.inputs[1].dtype == "int8"
        and len(node.inputs[1].scales) > 1
    )
