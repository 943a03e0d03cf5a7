"""Endings by name, and the one that a model gets if none is named."""

from __future__ import annotations

import keras

from keras_mobilevit.layers import ASPP
from keras_mobilevit.tflite.endings.detection import Nms, Raw
from keras_mobilevit.tflite.endings.ending import Ending
from keras_mobilevit.tflite.endings.heads import is_detector
from keras_mobilevit.tflite.endings.segmentation import Logits, Mask, Upsampled

# Name -> ending.
ENDINGS = {kind.name: kind for kind in (Raw, Nms, Logits, Upsampled, Mask)}


def find_ending(ending: str | Ending | None, model: keras.Model) -> Ending:
    """Returns an ending by its name.

    Args:
        ending: A name in `ENDINGS`, `""` for the model's outputs as they are,
            an ending, or `None` for what its task suggests: `"raw"` for a
            detector, `"logits"` for a network that segments.
        model: The model that it is for.

    Raises:
        ValueError: If there is no ending of that name.
    """
    if isinstance(ending, Ending):
        return ending
    if ending is None:
        ending = _usual(model)
    if ending == "":
        return Ending()
    if ending not in ENDINGS:
        raise ValueError(
            f"`ending` must be one of {list(ENDINGS)}. Received: "
            f"ending={ending!r}"
        )
    return ENDINGS[ending]()


def _usual(model):
    if is_detector(model):
        return Raw.name
    is_map = len(model.outputs) == 1 and len(model.output_shape) == 4
    if is_map and any(isinstance(x, ASPP) for x in model._flatten_layers()):
        return Logits.name
    return ""
