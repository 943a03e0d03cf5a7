"""A float file and a quantized one of the same model, tensor beside tensor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from keras_mobilevit.image_batches import iterate_images
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.graph import Tensor
from keras_mobilevit.tflite.quantization_debugging.probing import (
    Probe,
    isolate_operations,
    read_bytes,
)
from keras_mobilevit.tflite.tensor_names import (
    float_name,
    is_balanced,
    layer_of,
)


class Pair(NamedTuple):
    """A tensor of the quantized file, and what it stands for.

    Attributes:
        tensor: The tensor itself.
        kind: Kind of the operation that gives it.
        twin: Index of its counterpart in the float file.
        rounded: If the operation is QUANTIZE: index of what that rounded.
    """

    tensor: Tensor
    kind: str
    twin: int
    rounded: int | None


class PairedFiles:
    """Both files, and the operations of the float file each for itself.

    Tensors are paired by name and by the kind of their operation. Those of
    the quantized file without a counterpart are left out, and so is what
    DEQUANTIZE gives, which has the values of its input. Layers whose channels
    were balanced are left out whole: their tensors are scaled.

    Args:
        float_model: float32 `.tflite` file, or its bytes.
        quantized_model: A file that was quantized from it, or its bytes.

    Attributes:
        reference: The float file.
        quantized: The quantized file.
        pairs: Index in the quantized file -> pair, in the graph's order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is no TFLite file, the two have no tensor in
            common, or tensors of one name that differ in shape.
    """

    def __init__(
        self,
        float_model: bytes | str | os.PathLike,
        quantized_model: bytes | str | os.PathLike,
    ):
        data = read_bytes(float_model)
        self.reference = Probe(data)
        self.quantized = Probe(read_bytes(quantized_model))
        isolated = read_model(data)
        isolate_operations(isolated)
        self._isolated = Probe(write_model(isolated))
        self._feeds: dict[int, int] = {}  # isolated input -> quantized tensor
        self.pairs: dict[int, Pair] = {}
        self._unlike: list[tuple[str, tuple, tuple]] = []
        twins = {t.name: (t.index, None) for t in self.reference.graph.inputs}
        self._shapes = {t.index: t.shape for t in self.reference.graph.inputs}
        for node in self._isolated.graph.nodes:
            self._shapes |= {t.index: t.shape for t in node.outputs}
            twins |= {t.name: (t.index, node) for t in node.outputs}
        balanced = {
            layer_of(tensor.name)
            for node in self.quantized.graph.nodes
            for tensor in node.outputs
            if is_balanced(tensor.name)
        }
        for node in self.quantized.graph.nodes:
            for tensor in node.outputs:
                if layer_of(tensor.name) in balanced:
                    continue
                twin = twins.get(float_name(tensor.name))
                if twin and node.kind != "DEQUANTIZE":
                    self._add_pair(node, tensor, *twin)
        if self._unlike:
            name, shape, other = self._unlike[0]
            raise ValueError(
                "Expected a float file and one that was quantized from it. "
                f"Received: {_describe(float_model)} and "
                f"{_describe(quantized_model)}, whose tensors of one name "
                f"differ, such as {name!r} of shape {other} and {shape}. "
                "Another version of Keras may have named them otherwise: "
                "export both files anew, in one environment."
            )
        if not self.pairs:
            raise ValueError(
                "The two files have no tensor in common. Expected a float "
                "file and one that was quantized from it."
            )

    def _add_pair(self, node, tensor, twin, isolated):
        rounded = None
        if node.kind == "QUANTIZE":
            rounded = node.inputs[0].index
        elif isolated and isolated.kind == node.kind:
            fed = {t.index for t in self._isolated.graph.inputs}
            self._feeds |= {
                operand.index: source.index
                for operand, source in zip(
                    isolated.inputs, node.inputs, strict=False
                )
                if operand and operand.index in fed
            }
        else:
            return
        other = self._shapes[twin]
        if not _fit(other, tensor.shape):
            self._unlike.append((tensor.name, tensor.shape, other))
        self.pairs[tensor.index] = Pair(tensor, node.kind, twin, rounded)

    def run(self, images: Iterable[np.ndarray]) -> Iterator[None]:
        """Runs both files on one image after the other.

        Args:
            images: As `keras_mobilevit.image_batches` takes them, pixels in
                [0, 255].

        Yields:
            Whenever the tensors of the next image are there.

        Raises:
            ValueError: If there are no images, or images of another shape.
        """
        images = list(iterate_images(images))
        if not images:
            raise ValueError("To compare files takes images. Received: none")
        for image in progress_bar(images, desc="comparing tensors"):
            for model in (self.reference, self.quantized):
                (image_input,) = model.graph.inputs
                model.run({image_input.index: image[None]})
            yield

    def run_isolated(self) -> None:
        """Runs each float operation on what the quantized one was given."""
        self._isolated.run(
            {
                operand: self.quantized.values(source)
                for operand, source in self._feeds.items()
            }
        )

    def recomputed(self, index: int) -> np.ndarray:
        """What a tensor were if its operation alone was not quantized.

        Args:
            index: Of `pairs`; the latest `run_isolated` counts.
        """
        pair = self.pairs[index]
        if pair.rounded is not None:
            return self.quantized.values(pair.rounded)
        return self._isolated.values(pair.twin)


def _fit(shape, other):
    """Whether shapes are equal, as far as they are known."""
    return len(shape) == len(other) and all(
        a == b or -1 in (a, b) for a, b in zip(shape, other, strict=True)
    )


def _describe(model):
    return f"<{len(model):,} bytes>" if isinstance(model, bytes) else str(model)
