"""Files that an older runtime loads and computes rightly."""

from __future__ import annotations

from keras_mobilevit.tflite.compatibility.dense_scales import (
    merge_dense_scales,
)
from keras_mobilevit.tflite.graph import describe_graph
from keras_mobilevit.tflite.op_versions import minimum_runtime, parse_version

# Choice -> the release with which its files are tested.
COMPATIBLE = {"2.14": "2.14.0"}


def check_compatibility(runtime: str) -> None:
    """Passes if files can be made for a runtime.

    Raises:
        ValueError: If not; the message names those that there are.
    """
    if runtime not in COMPATIBLE:
        raise ValueError(
            f"`compat` must be one of {list(COMPATIBLE)}, versions of "
            "TensorFlow Lite that were tested, or None for LiteRT. Received: "
            f"compat={runtime!r}"
        )


def make_compatible(model, runtime: str) -> None:
    """Rewrites a finished graph for an older runtime, and all up to today's.

    Dense layers get one scale for their int8 weights. All else that
    `export_tflite` writes was found to be right there as it is.

    Args:
        model: Of a file of this package, as `read_model` gives it; edited in
            place. Each operation is then of a version that the runtime has.
        runtime: A version in `COMPATIBLE`.

    Raises:
        ValueError: If the runtime is not one of those, or the graph has
            an operation that it lacks.
    """
    check_compatibility(runtime)
    merge_dense_scales(model)
    newest = COMPATIBLE[runtime]
    lacking = {}
    for node in describe_graph(model).nodes:
        needed = minimum_runtime(node)
        if needed is None or parse_version(needed) > parse_version(newest):
            name = f"{node.kind} version {node.version}"
            lacking[name] = f"{name} (from {needed or 'an unknown release'})"
    if lacking:
        raise ValueError(
            f"TensorFlow Lite {runtime} lacks {', '.join(lacking.values())}: "
            "export without `compat`, for a newer runtime."
        )
