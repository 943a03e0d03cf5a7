"""What the graph of a `.tflite` file tells of the numbers that it gives."""

from __future__ import annotations

import dataclasses

from keras_mobilevit.problem_types import ScoreFormat, score_format
from keras_mobilevit.tflite.flatbuffer import INT8, UINT8, op_name

# What leaves the numbers what they are.
_TRANSPARENT = ("QUANTIZE", "DEQUANTIZE", "RESHAPE")
_ACTIVATIONS = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
# Kinds of operations that end a head without activation.
_PRODUCTS = ("FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL", "ADD")


def output_scores(model) -> ScoreFormat:
    """How to read the only output of a file, by its last operations.

    Args:
        model: As `keras_mobilevit.tflite.flatbuffer.read_model` gives it.

    Returns:
        All unknown if there are several outputs, or none for each picture.
    """
    if len(model.subgraphs) != 1 or len(model.subgraphs[0].outputs) != 1:
        return ScoreFormat()
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    (tensor,) = graph.outputs
    shape = graph.tensors[tensor].shape
    if shape is None or len(shape) != 2:
        return ScoreFormat()
    step, activation = 0.0, None
    while True:
        step = max(step, _step(graph.tensors[tensor]))
        operation = producers.get(tensor)
        if operation is None:
            break
        kind = op_name(model, operation)
        if kind not in _TRANSPARENT:
            activation = _ACTIVATIONS.get(kind)
            options = operation.builtinOptions
            if kind in _PRODUCTS and not getattr(
                options, "fusedActivationFunction", 0
            ):
                activation = "linear"
            break
        tensor = operation.inputs[0]
    found = score_format(activation, int(shape[-1]))
    return dataclasses.replace(found, step=step)


def _step(tensor):
    quantization = tensor.quantization
    if tensor.type not in (INT8, UINT8) or quantization is None:
        return 0.0
    scales = quantization.scale
    return 0.0 if scales is None or len(scales) != 1 else float(scales[0])
