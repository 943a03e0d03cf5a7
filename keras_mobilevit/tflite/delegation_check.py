"""What of a file XNNPACK leaves to slow kernels, and what that costs."""

from __future__ import annotations

import pathlib
import statistics
import tempfile
import time
import warnings

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.text_formatting import abbreviate
from keras_mobilevit.tflite.benchmarks.fresh_start import feed_noise
from keras_mobilevit.tflite.flatbuffer import (
    read_model,
    tensor_name,
    write_model,
)
from keras_mobilevit.tflite.inspection.inspect import inspect
from keras_mobilevit.tflite.quantization.recipes import Recipe
from keras_mobilevit.tflite.quantization_debugging.probing import (
    isolate_operations,
)

# A rough figure is wanted, in a second or two.
_RUNS, _WARMUP = 10, 2


def is_for_xnnpack(recipe: Recipe) -> bool:
    """Whether a recipe minds which kernels XNNPACK has.

    One with int8 activations that leaves nothing in float is for processors
    that take nothing else, as `int8_full` is.
    """
    return not recipe.needs_calibration or bool(
        recipe.skip_ops or recipe.skip_layers
    )


def warn_of_gaps(recipe: Recipe, file: bytes) -> None:
    """Warns of what `delegation_gaps` finds, if the recipe minds.

    Args:
        recipe: By which the file was made.
        file: Before its output head, of which some are known to end in
            operations that XNNPACK has not.
    """
    if is_for_xnnpack(recipe) and (gaps := delegation_gaps(file)):
        # Whoever called the export is at no fixed distance.
        warnings.warn(f"{recipe.name}: {gaps}", stacklevel=2)


def delegation_gaps(file: bytes) -> str | None:
    """Names what is not in one XNNPACK partition, and its share of the time.

    Args:
        file: Bytes of a `.tflite` file.

    Returns:
        Sentences on the operations that are left out: which, why, and roughly
        how much of the time they take, measured here. `None` if there are
        none, but for conversions to uint8 at the ends.

    Raises:
        ValueError: If LiteRT can not run the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.tflite")
        path.write_bytes(file)
        found = inspect(path)
    if found.partitions == 1 and found.delegated + _ends(found) == found.nodes:
        return None
    text = (
        f"XNNPACK executes {found.delegated} of {found.nodes} operations, in "
        f"{found.partitions} partitions"
    )
    if not found.reasons:
        return f"{text}."
    groups = "; ".join(
        f"{group.nodes} {group.kind} ({abbreviate(group.tensors, 2)}): "
        f"{group.reason}"
        for group in found.reasons
    )
    text = f"{text}. Left to slower kernels: {groups}."
    tensors = {name for group in found.reasons for name in group.tensors}
    try:
        share = _share_of_time(file, tensors)
    except (RuntimeError, ValueError):
        # Alone, some operations can not be run: those that compute shapes.
        return text
    percent = f"about {100 * share:.0f}" if share >= 0.01 else "less than 1"
    return f"{text} They take {percent} % of the time here."


def _ends(found):
    """Conversions between int8 and uint8, which XNNPACK has not.

    There are such at ends that the recipe wants in uint8, and nowhere else.
    """
    return sum(
        group.nodes - group.delegated
        for group in found.operations
        if group.kind == "QUANTIZE"
        and {*group.inputs, *group.outputs} == {"int8", "uint8"}
    )


def _share_of_time(file, tensors):
    """Time of the operations that make some tensors, over that of all."""
    litert = import_optional("ai_edge_litert.interpreter", extra="tflite")
    kernels = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    probe = litert.Interpreter(
        model_content=file,
        experimental_op_resolver_type=kernels,
        experimental_preserve_all_tensors=True,
    )
    feed_noise(probe)
    probe.invoke()
    indices = {
        details["name"]: details["index"]
        for details in reversed(probe.get_tensor_details())
    }
    part, inputs = _only(file, tensors)
    alone = litert.Interpreter(model_content=part)
    alone.allocate_tensors()
    for details, name in zip(alone.get_input_details(), inputs, strict=True):
        # Noise would not do: some operations take no negative numbers.
        alone.set_tensor(details["index"], probe.get_tensor(indices[name]))
    whole = litert.Interpreter(model_content=file)
    feed_noise(whole)
    return _median_time(alone) / _median_time(whole)


def _only(file, tensors):
    """The file of a few operations, each by itself; names of its inputs."""
    model = read_model(file)
    isolate_operations(model)
    (graph,) = model.subgraphs
    graph.operators = [
        op
        for op in graph.operators
        if any(tensor_name(graph, t) in tensors for t in op.outputs)
    ]
    read = {t for op in graph.operators for t in op.inputs}
    graph.inputs = [t for t in graph.inputs if t in read]
    graph.outputs = [t for op in graph.operators for t in op.outputs]
    return write_model(model), [tensor_name(graph, t) for t in graph.inputs]


def _median_time(interpreter):
    times = []
    for _ in range(_WARMUP + _RUNS):
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    return statistics.median(times[_WARMUP:])
