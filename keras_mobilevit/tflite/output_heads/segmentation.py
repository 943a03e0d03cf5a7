"""Output heads of networks that segment: logits, coarse or fine, or a mask."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from keras_mobilevit.layers import ResizeLike
from keras_mobilevit.model_info import OutputSpec
from keras_mobilevit.output_kind import output_kind
from keras_mobilevit.tflite.editing import (
    add_tensor,
    make_operation,
    set_outputs,
)
from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    INT32,
    UINT8,
    op_name,
)
from keras_mobilevit.tflite.output_heads.output_head import OutputHead
from keras_mobilevit.tflite.quantization.recipes import Recipe

_STRIDES = (1, 2, 4, 8, 16, 32, 64)
# Class ids that a byte can hold.
_BYTE = 256


@dataclasses.dataclass(frozen=True)
class Logits(OutputHead):
    """Logits at the output stride: the smallest and most flexible output head.

    Whoever reads them interpolates them to the size of the picture, and
    chooses the largest at each pixel.
    """

    name = "logits"
    task = "segmentation"

    def prepare(self, model: keras.Model) -> keras.Model:
        return keras.Model(*model.inputs, _coarse(self, model), name=model.name)

    def describe(
        self, model: keras.Model, shape: tuple[int, int, int]
    ) -> OutputSpec:
        coarse = self.prepare(model).compute_output_shape((1, *shape))
        decoding = {
            "output": "(1, rows, columns, classes): scores on a coarse map. "
            "Interpolate it bilinearly, with pixel centres at the half, to "
            "the size of the picture; the class of a pixel is the index of "
            "its largest.",
        }
        return OutputSpec(
            kind=output_kind(model) or "logits",
            stride=_stride(shape, coarse),
            decoding=decoding,
        )


@dataclasses.dataclass(frozen=True)
class Upsampled(OutputHead):
    """Logits at the size of the input."""

    name = "upsampled"
    task = "segmentation"

    def prepare(self, model: keras.Model) -> keras.Model:
        fine = ResizeLike(name="upsampled")(
            [_coarse(self, model), *model.inputs]
        )
        return keras.Model(*model.inputs, fine, name=model.name)

    def describe(
        self, model: keras.Model, shape: tuple[int, int, int]
    ) -> OutputSpec:
        decoding = {
            "output": "(1, height, width, classes): scores. The class of a "
            "pixel is the index of its largest.",
        }
        return OutputSpec(
            kind=output_kind(model) or "logits", stride=1, decoding=decoding
        )


@dataclasses.dataclass(frozen=True)
class Mask(Upsampled):
    """Class ids at the size of the input, a byte each.

    The choice of the largest logit is one more operation, which XNNPACK has
    not: it runs behind the partition, on one core. The output's type is not
    that of the recipe, but the smallest that holds all ids.
    """

    name = "mask"
    adds_operations = True

    def adapt(self, recipe: Recipe) -> Recipe:
        return dataclasses.replace(recipe, output_type="float32")

    def finish(self, model) -> None:
        (graph,) = model.subgraphs
        (logits,) = graph.outputs
        (last,) = (op for op in graph.operators if logits in op.outputs)
        if op_name(model, last) == "DEQUANTIZE":
            # The order of int8 logits is that of the numbers they stand for.
            graph.operators.remove(last)
            (logits,) = last.inputs
        graph.tensors[logits].name = b"logits"
        *shape, classes = map(int, graph.tensors[logits].shape)
        axis = add_tensor(model, "axis", INT32, (), np.int32(len(shape)))
        mask = add_tensor(model, "largest", INT32, shape)
        largest = make_operation(
            *(model, "ARG_MAX", [logits, axis], [mask]),
            version=2 if graph.tensors[logits].type == INT8 else 1,
            outputType=INT32,
        )
        graph.operators.append(largest)
        if classes <= _BYTE:
            ids, mask = mask, add_tensor(model, "mask", UINT8, shape)
            to_bytes = make_operation(
                *(model, "CAST", [ids], [mask]),
                inDataType=INT32,
                outDataType=UINT8,
            )
            graph.operators.append(to_bytes)
        set_outputs(model, {"output": mask})

    def describe(
        self, model: keras.Model, shape: tuple[int, int, int]
    ) -> OutputSpec:
        decoding = {"output": "(1, height, width): the class of each pixel."}
        return OutputSpec(kind="mask", stride=1, decoding=decoding)


def _coarse(output_head, model):
    """The logits of a network before they are interpolated, if they are."""
    if len(model.outputs) != 1 or len(model.output_shape) != 4:
        raise ValueError(
            f"The output head {output_head.name!r} is for models with one "
            f"output (batch, height, width, classes), such as those of "
            f"keras_mobilevit.segmentation. Received: {model.name!r} with "
            f"output shape {model.output_shape}"
        )
    (output,) = model.outputs
    if output.shape[-1] == 1:
        raise ValueError(
            f"The output head {output_head.name!r} chooses among the scores of "
            "at least two classes: put that of the background in front, such "
            "as keras.layers.Concatenate()([1 - p, p]) of probabilities p. "
            f"Received: {model.name!r} with output shape {model.output_shape}"
        )
    history = output._keras_history
    if isinstance(history.operation, ResizeLike):
        node = history.operation._inbound_nodes[history.node_index]
        return node.input_tensors[0]
    return output


def _stride(image, output):
    """Pixels a cell, if it is a usual number: each stride rounds up."""
    sides = tuple(zip(image[:2], output[1:3], strict=True))
    for stride in _STRIDES:
        if all(-(-side // stride) == cells for side, cells in sides):
            return stride
    return None
