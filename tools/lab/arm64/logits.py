"""Cutting the end off a file, to compare what stands in front of it."""

from __future__ import annotations

from keras_mobilevit.tflite.flatbuffer import op_name, read_model, write_model

# A float softmax rounds otherwise on every processor, and one of 8 bits hides
# what differs in front of it.
_ENDS = ("DEQUANTIZE", "SOFTMAX")


def cut_to_logits(data: bytes) -> bytes:
    """Takes the last softmax and dequantization off a `.tflite` file.

    Args:
        data: Bytes of a file.

    Returns:
        The same without the operations that turn logits, or integers, into
        its outputs; and without signatures. It may have none to take off.

    Raises:
        ValueError: If the bytes are no TFLite file.
    """
    model = read_model(data)
    graph = model.subgraphs[0]
    ends = {
        op.outputs[0]: op
        for op in graph.operators
        if op_name(model, op) in _ENDS
    }
    graph.outputs = list(graph.outputs)
    for place, tensor in enumerate(graph.outputs):
        while tensor in ends:
            op = ends.pop(tensor)
            graph.operators.remove(op)
            tensor = op.inputs[0]
        graph.outputs[place] = tensor
    model.signatureDefs = []
    return write_model(model)
