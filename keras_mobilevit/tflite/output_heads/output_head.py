"""What all output heads are asked for, and the one that changes nothing."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import keras

from keras_mobilevit.model_info import OutputSpec
from keras_mobilevit.output_kind import output_kind
from keras_mobilevit.tflite.conversion import output_names
from keras_mobilevit.tflite.quantization.recipes import Recipe


@dataclasses.dataclass(frozen=True)
class OutputHead:
    """The outputs of a model as they are; base of the other output heads.

    An output head works in two places: on the Keras model, before it is
    converted and quantized, and on the file, behind the quantized graph.

    Attributes:
        name: Name on the command line.
        task: One of `keras_mobilevit.configs.TASKS`.
        adds_operations: Whether `finish` does anything.

    Example:
        >>> from keras_mobilevit import tflite
        >>> output_head = tflite.OUTPUT_HEADS["nms"](max_boxes=20)
        >>> isinstance(output_head, tflite.OutputHead), output_head.task
        (True, 'detection')
    """

    name: ClassVar[str] = ""
    task: ClassVar[str] = "classification"
    adds_operations: ClassVar[bool] = False

    @property
    def takes_whole_images(self) -> bool:
        """Whether pictures are resized whole, as by `load_whole`."""
        return self.task != "classification"

    def prepare(self, model: keras.Model) -> keras.Model:
        """The model whose outputs are quantized.

        Raises:
            ValueError: If the output head is not for such a model.
        """
        return model

    def classes(self, model: keras.Model) -> int | None:
        """Number of classes that a model tells apart, `None` if unknown."""
        return model.output_shape[-1] if len(model.outputs) == 1 else None

    def adapt(self, recipe: Recipe) -> Recipe:
        """The recipe by which the prepared model is quantized."""
        return recipe

    def finish(self, model) -> None:
        """Adds to a quantized graph what comes behind it, in place.

        Args:
            model: As `keras_mobilevit.tflite.flatbuffer.read_model` gives it.
        """

    def describe(
        self, model: keras.Model, shape: tuple[int, int, int]
    ) -> OutputSpec:
        """What the outputs of the file mean.

        Args:
            model: The model as it was before `prepare`.
            shape: `(height, width, channels)` of the input.
        """
        decoding = {}
        if len(model.outputs) > 1:
            layers = model.output_names
            for name, layer, output in zip(
                output_names(model), layers, model.outputs, strict=True
            ):
                sides = ", ".join(str(side or "n") for side in output.shape[1:])
                decoding[name] = f"(1, {sides}): of the layer {layer}"
        return OutputSpec(kind=output_kind(model), decoding=decoding)
