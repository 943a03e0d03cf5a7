"""What is in a `.tflite` file, and what XNNPACK makes of it."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from keras_mobilevit.tflite.graph import Tensor, read_graph
from keras_mobilevit.tflite.inspection.delegation import (
    delegated_nodes,
    why_left_out,
)
from keras_mobilevit.tflite.inspection.memory import activation_bytes
from keras_mobilevit.tflite.inspection.notes import notes_on
from keras_mobilevit.tflite.interpreters import make_interpreter
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.op_versions import graph_runtime, minimum_runtime


@dataclasses.dataclass(frozen=True)
class Operations:
    """All nodes of one kind, version and types.

    Attributes:
        kind: Such as `"CONV_2D"`.
        version: Version of the kind.
        inputs: Types of the inputs; an omitted one is left out.
        outputs: Types of the outputs.
        nodes: Number of them.
        delegated: Number of those that XNNPACK executes.
        minimum_runtime: First TensorFlow Lite that runs them, such as
            `"2.3.0"`; `None` where that is not known.
    """

    kind: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: int
    delegated: int
    minimum_runtime: str | None


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Nodes of one kind that XNNPACK leaves to slower kernels for one reason.

    Attributes:
        kind: Such as `"SOFTMAX"`.
        reason: Why, with the way out; `"no known rule"` where it is open.
        nodes: Number of them.
        tensors: Names of what they make, to find them by.
    """

    kind: str
    reason: str
    nodes: int
    tensors: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Inspection:
    """One file.

    Attributes:
        size: Bytes on disk.
        nodes: Operations in the main graph.
        delegated: Operations that XNNPACK executes.
        partitions: Pieces that it executes them in; 1 is best.
        left_out: Kind of operation to number of those left to LiteRT's own
            kernels.
        reasons: The same with why.
        operations: All nodes, grouped.
        inputs: Tensors that the caller sets.
        outputs: Tensors that the caller reads.
        dtypes: Type to number of nodes whose first output has it.
        highest_rank: Highest rank of an activation.
        above_rank_4: Kind of operation to number of those that read or make
            an activation of a rank above 4.
        minimum_runtime: First TensorFlow Lite that has all operations with a
            known minimum, not the first LiteRT, whose versions began again at
            1.0. Quantizers change types and leave the versions as
            they were, so it is a lower bound.
        unknown_runtimes: Operations, as `"KIND v2"`, without known minimum.
        stated_runtime: The minimum, of TensorFlow Lite too, that the converter
            wrote into the file; `None` if it has none.
        weight_bytes: Bytes of all constants.
        activation_bytes: Bytes of all activations together.
        peak_activation_bytes: Most bytes of them alive at one time: an
            estimate of the arena, as `tflite.memory` says.
        subgraphs: Number of graphs; only the first, the main one, is
            inspected (but all count in `weight_bytes`).
        signatures: Names of the signatures.
        notes: Sentences on what is unusual and worth knowing.
        recipe: Name of the recipe that the file says it was made by; empty if
            it says nothing.
        fidelity: What the file says of how near it is to float32, as
            `ModelInfo.fidelity`.

    Example:
        >>> from keras_mobilevit import tflite
        >>> inspection = tflite.inspect("model.tflite")
        >>> inspection.partitions, inspection.delegated == inspection.nodes
        (1, True)
    """

    size: int
    nodes: int
    delegated: int
    partitions: int
    left_out: dict[str, int]
    reasons: tuple[LeftOut, ...]
    operations: tuple[Operations, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    dtypes: dict[str, int]
    highest_rank: int
    above_rank_4: dict[str, int]
    minimum_runtime: str | None
    unknown_runtimes: tuple[str, ...]
    stated_runtime: str | None
    weight_bytes: int
    activation_bytes: int
    peak_activation_bytes: int
    subgraphs: int
    signatures: tuple[str, ...]
    notes: tuple[str, ...]
    recipe: str = ""
    fidelity: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def require_full_delegation(self) -> None:
        """Passes if XNNPACK executes every node, in one partition.

        Raises:
            ValueError: If not; the message says what falls out, and why.
        """
        if self.delegated == self.nodes and self.partitions == 1:
            return
        kinds = defaultdict(list)
        for group in self.reasons:
            kinds[group.reason].append(f"{group.nodes} {group.kind}")
        raise ValueError(
            "Expected all nodes in XNNPACK, in 1 partition. Received: "
            f"{self.delegated} of {self.nodes} nodes, in {self.partitions}"
            + "".join(
                f"; without {', '.join(names)}: {reason}"
                for reason, names in kinds.items()
            )
        )


def inspect(path: str | os.PathLike) -> Inspection:
    """Inspects a `.tflite` file, of this package or any other.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file, or one that LiteRT can not run,
            or its metadata is damaged.
        ImportError: If LiteRT is missing.

    Example:
        >>> from keras_mobilevit import tflite
        >>> inspection = tflite.inspect("model.tflite")
        >>> inspection.partitions, inspection.left_out
        (1, {})
    """
    # First, because it is the runtime that verifies the file.
    interpreter = make_interpreter(path)
    metadata = read_metadata(path)
    delegated, partitions = delegated_nodes(interpreter._get_ops_details())
    data = pathlib.Path(path).read_bytes()
    graph = read_graph(data)
    outside = [node for i, node in enumerate(graph.nodes) if i not in delegated]
    operations = _operations(graph, delegated)
    ranks = [_rank(node) for node in graph.nodes]
    total, peak = activation_bytes(graph)
    return Inspection(
        size=len(data),
        nodes=len(graph.nodes),
        delegated=len(delegated),
        partitions=partitions,
        left_out=dict(Counter(node.kind for node in outside)),
        reasons=_reasons(outside),
        operations=operations,
        inputs=graph.inputs,
        outputs=graph.outputs,
        dtypes=dict(
            Counter(
                node.outputs[0].dtype for node in graph.nodes if node.outputs
            ).most_common()
        ),
        highest_rank=max(ranks, default=0),
        above_rank_4=dict(
            Counter(
                node.kind
                for node, rank in zip(graph.nodes, ranks, strict=True)
                if rank > 4
            )
        ),
        minimum_runtime=graph_runtime(graph),
        unknown_runtimes=tuple(
            dict.fromkeys(
                f"{group.kind} v{group.version}"
                for group in operations
                if group.minimum_runtime is None
            )
        ),
        stated_runtime=graph.stated_runtime,
        weight_bytes=graph.weight_bytes,
        activation_bytes=total,
        peak_activation_bytes=peak,
        subgraphs=graph.subgraphs,
        signatures=graph.signatures,
        notes=notes_on(graph),
        recipe=metadata.recipe if metadata else "",
        fidelity=metadata.fidelity if metadata else {},
    )


def _operations(graph, delegated):
    groups = defaultdict(list)
    for index, node in enumerate(graph.nodes):
        key = (
            node.kind,
            node.version,
            tuple(t.dtype for t in node.inputs if t is not None),
            tuple(t.dtype for t in node.outputs),
        )
        groups[key].append(index)
    return tuple(
        Operations(
            *key,
            nodes=len(indices),
            delegated=len(delegated.intersection(indices)),
            minimum_runtime=minimum_runtime(graph.nodes[indices[0]]),
        )
        for key, indices in sorted(
            groups.items(), key=lambda item: -len(item[1])
        )
    )


def _reasons(nodes):
    groups = defaultdict(list)
    for node in nodes:
        groups[node.kind, why_left_out(node)].append(node)
    return tuple(
        LeftOut(
            kind,
            reason,
            nodes=len(group),
            tensors=tuple(t.name for node in group for t in node.outputs),
        )
        for (kind, reason), group in groups.items()
    )


def _rank(node):
    return max(
        (
            len(tensor.shape)
            for tensor in (*node.inputs, *node.outputs)
            if tensor and not tensor.constant
        ),
        default=0,
    )
