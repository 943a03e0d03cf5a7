"""Output heads by name, and the one that a model gets if none is named."""

from __future__ import annotations

import keras

from keras_mobilevit.output_kind import is_dense_prediction
from keras_mobilevit.tflite.output_heads.detection import Nms, Raw
from keras_mobilevit.tflite.output_heads.output_head import OutputHead
from keras_mobilevit.tflite.output_heads.segmentation import (
    Logits,
    Mask,
    Upsampled,
)
from keras_mobilevit.tflite.output_heads.ssd_heads import is_detector

# Name -> output head.
OUTPUT_HEADS = {kind.name: kind for kind in (Raw, Nms, Logits, Upsampled, Mask)}
# Task -> name of the output head where none is asked for.
_USUAL = {
    "classification": "",
    "segmentation": Logits.name,
    "detection": Raw.name,
}


def find_output_head(
    output_head: str | OutputHead | None,
    model: keras.Model,
    task: str | None = None,
) -> OutputHead:
    """Returns an output head by its name.

    Args:
        output_head: A name in `OUTPUT_HEADS`, `""` for the model's outputs as
            they are, an output head, or `None` for what its task suggests:
            `"raw"` for a detector, `"logits"` for a network that segments.
        model: The model that it is for.
        task: What it is for, one of `keras_mobilevit.model_info.TASKS`, where
            that is known; otherwise its outputs tell.

    Raises:
        ValueError: If there is no output head of that name.

    Example:
        >>> from keras_mobilevit import segmentation, tflite
        >>> model = segmentation.MobileViTDeepLabV3XXS(
        ...     weights=None, input_shape=(64, 64, 3)
        ... )
        >>> tflite.find_output_head(None, model).name
        'logits'
        >>> tflite.find_output_head("mask", model).name
        'mask'
    """
    if isinstance(output_head, OutputHead):
        return output_head
    if output_head is None:
        output_head = _USUAL[task or _task_of(model)]
    if output_head == "":
        return OutputHead()
    if output_head not in OUTPUT_HEADS:
        raise ValueError(
            f"`output_head` must be one of {list(OUTPUT_HEADS)}. Received: "
            f"output_head={output_head!r}"
        )
    return OUTPUT_HEADS[output_head]()


def _task_of(model):
    if is_detector(model):
        return "detection"
    return "segmentation" if is_dense_prediction(model) else "classification"
