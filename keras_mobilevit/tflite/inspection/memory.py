"""How much room a graph's activations take, estimated from its file.

The runtime tells no number from Python. This is what its arena would need if
it ran the nodes one by one in the file's order, without alignment and without
sharing between input and output. XNNPACK plans a workspace of its own, in the
same way but after fusing nodes.
"""

from __future__ import annotations

import numpy as np

from keras_mobilevit.tflite.graph import Graph, Tensor


def activation_bytes(graph: Graph) -> tuple[int, int]:
    """Bytes of a graph's activations.

    Constants do not count, nor do those that are only turned into floats.

    Returns:
        `(total, peak)`: of all activations, and the most that are alive while
        one node runs.
    """
    activations = _activations(graph)
    # A tensor lives from the node that makes it to the last that reads it;
    # inputs from the start, outputs to the end.
    first = {tensor.index: 0 for tensor in graph.inputs}
    last = {}
    for step, node in enumerate(graph.nodes):
        first |= {tensor.index: step for tensor in node.outputs}
        last |= {tensor.index: step for tensor in node.inputs if tensor}
    last |= {tensor.index: len(graph.nodes) for tensor in graph.outputs}
    change = np.zeros(len(graph.nodes) + 2, np.int64)
    for tensor in activations:
        start = first[tensor.index]
        change[start] += tensor.size
        change[last.get(tensor.index, start) + 1] -= tensor.size
    total = sum(tensor.size for tensor in activations)
    return total, int(np.cumsum(change).max())


def _activations(graph: Graph) -> list[Tensor]:
    made = [
        tensor
        for node in graph.nodes
        for tensor in node.outputs
        if not (node.kind == "DEQUANTIZE" and node.inputs[0].constant)
    ]
    return [*graph.inputs, *made]
