"""What is unusual about a `.tflite` file and worth knowing."""

from __future__ import annotations

from keras_mobilevit.tflite.graph import Graph

_MULTIPLICATIONS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def notes_on(graph: Graph) -> tuple[str, ...]:
    """Sentences on a file's graph; most have none."""
    notes = []
    for tensor in graph.inputs:
        if -1 in tensor.shape:
            notes.append(
                f"The input {tensor.name} has unknown sides {tensor.shape}: "
                "they count as 1 here, and XNNPACK splits such a graph where "
                "shapes are computed."
            )
    if mixed := _layers_of_mixed_floats(graph):
        notes.append(
            f"The weights of {mixed} layers are float16 and their biases "
            "float32: LiteRT 1.4 to 2.1 leave such layers out of XNNPACK, and "
            "are several times slower. With float16 biases they are not."
        )
    if graph.subgraphs > 1:
        notes.append(
            f"The file has {graph.subgraphs} graphs; only the first, the main "
            "one, is inspected."
        )
    if not graph.signatures:
        notes.append(
            "The file has no signature: inputs and outputs are known by their "
            "tensors' names only."
        )
    return tuple(notes)


def _layers_of_mixed_floats(graph):
    halves = {
        node.outputs[0].index
        for node in graph.nodes
        if node.kind == "DEQUANTIZE" and node.inputs[0].dtype == "float16"
    }
    return sum(
        node.inputs[1].index in halves
        and node.inputs[2] is not None
        and node.inputs[2].constant
        for node in graph.nodes
        if node.kind in _MULTIPLICATIONS and len(node.inputs) > 2
    )
