"""What XNNPACK makes of a `.tflite` file."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections import Counter

from keras_mobilevit.tflite.runtime import make_interpreter

_DELEGATE = "DELEGATE"


@dataclasses.dataclass(frozen=True)
class Inspection:
    """Delegation of one file.

    Attributes:
        size: Bytes on disk.
        nodes: Operations in the graph.
        delegated: Operations that XNNPACK executes.
        partitions: Pieces that it executes them in; 1 is best.
        left_out: Kind of operation to number of those left to LiteRT's own
            kernels.
    """

    size: int
    nodes: int
    delegated: int
    partitions: int
    left_out: dict[str, int]


def inspect(path: str | os.PathLike) -> Inspection:
    """Counts what is delegated to XNNPACK.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file.
    """
    # The interpreter has no public list of its nodes.
    details = make_interpreter(path)._get_ops_details()
    operations = [op for op in details if op["op_name"] != _DELEGATE]
    delegates = [op for op in details if op["op_name"] == _DELEGATE]

    # A delegate node replaces all that lies between its inputs and outputs.
    producers = {
        tensor: op for op in operations for tensor in map(int, op["outputs"])
    }
    covered = set()
    for delegate in delegates:
        stop = {int(tensor) for tensor in delegate["inputs"]}
        queue = [int(tensor) for tensor in delegate["outputs"]]
        while queue:
            tensor = queue.pop()
            op = producers.get(tensor)
            if tensor in stop or op is None or op["index"] in covered:
                continue
            covered.add(op["index"])
            queue.extend(int(tensor) for tensor in op["inputs"])
    left_out = Counter(
        op["op_name"] for op in operations if op["index"] not in covered
    )
    return Inspection(
        size=pathlib.Path(path).stat().st_size,
        nodes=len(operations),
        delegated=len(covered),
        partitions=len(delegates),
        left_out=dict(left_out),
    )
