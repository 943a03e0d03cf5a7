"""Endings by name, and the one that a model gets if none is named."""

from __future__ import annotations

import keras

from keras_mobilevit.output_kind import is_dense_prediction
from keras_mobilevit.tflite.endings.detection import Nms, Raw
from keras_mobilevit.tflite.endings.ending import Ending
from keras_mobilevit.tflite.endings.heads import is_detector
from keras_mobilevit.tflite.endings.segmentation import Logits, Mask, Upsampled

# Name -> ending.
ENDINGS = {kind.name: kind for kind in (Raw, Nms, Logits, Upsampled, Mask)}
# Task -> name of the ending where none is asked for.
_USUAL = {
    "classification": "",
    "segmentation": Logits.name,
    "detection": Raw.name,
}


def find_ending(
    ending: str | Ending | None,
    model: keras.Model,
    task: str | None = None,
) -> Ending:
    """Returns an ending by its name.

    Args:
        ending: A name in `ENDINGS`, `""` for the model's outputs as they are,
            an ending, or `None` for what its task suggests: `"raw"` for a
            detector, `"logits"` for a network that segments.
        model: The model that it is for.
        task: What it is for, one of `keras_mobilevit.model_info.TASKS`, where
            that is known; otherwise its outputs tell.

    Raises:
        ValueError: If there is no ending of that name.

    Example:
        >>> from keras_mobilevit import segmentation, tflite
        >>> model = segmentation.MobileViTDeepLabV3XXS(
        ...     weights=None, input_shape=(64, 64, 3)
        ... )
        >>> tflite.find_ending(None, model).name
        'logits'
        >>> tflite.find_ending("mask", model).name
        'mask'
    """
    if isinstance(ending, Ending):
        return ending
    if ending is None:
        ending = _USUAL[task or _task_of(model)]
    if ending == "":
        return Ending()
    if ending not in ENDINGS:
        raise ValueError(
            f"`ending` must be one of {list(ENDINGS)}. Received: "
            f"ending={ending!r}"
        )
    return ENDINGS[ending]()


def _task_of(model):
    if is_detector(model):
        return "detection"
    return "segmentation" if is_dense_prediction(model) else "classification"
