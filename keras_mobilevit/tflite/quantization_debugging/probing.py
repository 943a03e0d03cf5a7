"""Running a `.tflite` file with all its tensors in sight."""

from __future__ import annotations

import copy
import os
import pathlib

import numpy as np

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.editing import as_indices
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.interpreters import check_file


def read_bytes(model: bytes | str | os.PathLike) -> bytes:
    """Returns a `.tflite` file's bytes, given those or its path.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if isinstance(model, bytes):
        return model
    if not pathlib.Path(model).is_file():
        raise FileNotFoundError(f"There is no .tflite file at {model}.")
    return pathlib.Path(model).read_bytes()


class Probe:
    """A file on LiteRT's builtin kernels, which keep every tensor.

    XNNPACK does not show the tensors inside its partitions.

    Args:
        data: Bytes of a `.tflite` file.

    Attributes:
        graph: What is in it, a `keras_mobilevit.tflite.graph.Graph`.

    Raises:
        ValueError: If it is no TFLite file, or a damaged one.
    """

    def __init__(self, data: bytes):
        litert = import_optional("ai_edge_litert.interpreter", extra="tflite")
        kernels = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            self._interpreter = litert.Interpreter(
                model_content=data,
                experimental_op_resolver_type=kernels,
                experimental_preserve_all_tensors=True,
            )
        except ValueError as error:
            raise ValueError(
                f"Expected a complete .tflite file. Received {len(data):,} "
                f"bytes that LiteRT can not read ({error})."
            ) from error
        check_file(data, f"{len(data):,} bytes")
        self._interpreter.allocate_tensors()
        self._details = {
            tensor["index"]: tensor
            for tensor in self._interpreter.get_tensor_details()
        }
        self.graph = read_graph(data)

    def run(self, values: dict[int, np.ndarray]) -> None:
        """Runs the graph on inputs, by index, as real numbers."""
        for index, value in values.items():
            dtype = self._details[index]["dtype"]
            scale, zero_point = self._details[index]["quantization"]
            if scale:
                limits = np.iinfo(dtype)
                value = np.round(value / scale) + zero_point
                value = np.clip(value, limits.min, limits.max)
            self._interpreter.set_tensor(index, value.astype(dtype))
        self._interpreter.invoke()

    def values(self, index: int) -> np.ndarray:
        """Real values of a tensor, in float64."""
        values = self._interpreter.get_tensor(index).astype(np.float64)
        scale, zero_point = self._details[index]["quantization"]
        return (values - zero_point) * scale if scale else values

    def step(self, index: int) -> float:
        """Distance of a tensor's int8 values, as real numbers; 0 for floats."""
        return float(self._details[index]["quantization"][0])


def isolate_operations(model) -> None:
    """Cuts every operation off from those in front of it, in place.

    The operations and their outputs stay the same, but each operand that was
    computed is an input of the graph. The tensors keep their indices; the
    inputs come behind them.

    Args:
        model: As `keras_mobilevit.tflite.flatbuffer.read_model` gives it.
    """
    graph = model.subgraphs[0]
    computed = set(graph.inputs).union(*(op.outputs for op in graph.operators))
    graph.inputs, model.signatureDefs = [], []
    for op in graph.operators:
        inputs = list(op.inputs)
        for position, tensor in enumerate(inputs):
            if tensor in computed:
                inputs[position] = len(graph.tensors)
                graph.inputs.append(len(graph.tensors))
                graph.tensors.append(copy.copy(graph.tensors[tensor]))
        op.inputs = as_indices(inputs)
    graph.outputs = [index for op in graph.operators for index in op.outputs]
