"""Parts of a network, from input to output, to freeze or train more slowly."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_mobilevit.architectures import Architecture, find_architecture
from keras_mobilevit.checkpoints.layouts import architecture_of
from keras_mobilevit.configs import SSD_LEVELS

Parts = Sequence[Sequence[str]]

# Behind the backbone of any architecture: what is between it and the
# predictions, and these.
_BEHIND = (
    ("head", "aspp", *(f"extra{level}" for level in range(len(SSD_LEVELS)))),
    (
        "predictions",
        "pixel",
        *(f"head{level}" for level in range(len(SSD_LEVELS))),
    ),
)


def parts_of(architecture: Architecture) -> Parts:
    """First words of the names of the layers of each part.

    From the image on: the parts of the backbone, and two behind it.
    """
    return (*architecture.parts, *_BEHIND)


# Those of MobileViT.
PARTS = parts_of(find_architecture("mobilevit"))


def part_of(layer_name: str, parts: Parts = PARTS) -> int:
    """Index in `parts` of a layer such as `"stage3_block"`.

    Raises:
        ValueError: If no part has a layer of that name.
    """
    word = layer_name.partition("_")[0]
    for part, words in enumerate(parts):
        if word in words:
            return part
    first_words = sum(parts, ())
    raise ValueError(
        "Only the parts of a model of this package can be frozen or get "
        f"rates of their own: its layers are named after {first_words}. "
        f"Received a layer with weights named {layer_name!r}."
    )


def freeze(model: keras.Model, count: int) -> None:
    """Keeps the first parts of a model as they are.

    Their batch norms then normalize by the statistics they have, in training
    too, and keep them. To be called before `compile`.

    Args:
        model: Model of this package.
        count: Number of parts, counted from the image: of MobileViT 0 to 7,
            all but the predictions. 6 are the backbone.

    Raises:
        ValueError: If `count` is out of its range, or the model has other
            layers with weights.
    """
    parts = _find_parts(model)
    if not 0 <= count < len(parts):
        raise ValueError(
            f"`count` must be from 0 to {len(parts) - 1}: the parts in front "
            f"of the predictions. Received: count={count}"
        )
    if count == 0:
        return
    for layer, part in _parts_of_layers(model, parts):
        if part < count:
            layer.trainable = False


def rate_multipliers(
    model: keras.Model, layer_decay: float, head_rate: float = 1.0
) -> dict[str, float]:
    """Factors on the learning rate.

    They shrink towards the image: 1 for the predictions, `layer_decay` for
    what is between them and the backbone, its square for the last part of the
    backbone, and so on to the seventh power for the stem of MobileViT. What
    lies behind the backbone is multiplied by `head_rate` on top.

    Args:
        model: Model of this package.
        layer_decay: Factor from one part to the part in front of it, in
            (0, 1].
        head_rate: Factor on what lies behind the backbone, above 0.

    Returns:
        Path of each trainable variable -> factor; empty if all are 1.

    Raises:
        ValueError: If a factor is out of its range, or the model has other
            layers with weights.
    """
    if not 0 < layer_decay <= 1:
        raise ValueError(
            "`layer_decay` must be above 0 and at most 1. Received: "
            f"layer_decay={layer_decay}"
        )
    if head_rate <= 0:
        raise ValueError(
            f"`head_rate` must be above 0. Received: head_rate={head_rate}"
        )
    if layer_decay == head_rate == 1:
        return {}
    parts = _find_parts(model)
    last, backbone = len(parts) - 1, len(parts) - len(_BEHIND)
    return {
        variable.path: layer_decay ** (last - part)
        * (head_rate if part >= backbone else 1.0)
        for layer, part in _parts_of_layers(model, parts)
        for variable in layer.trainable_variables
    }


def _find_parts(model):
    """Parts of the architecture that has most of the model's weights."""
    name = architecture_of(variable.path for variable in model.weights)
    return parts_of(find_architecture(name))


def _parts_of_layers(model, parts):
    """`(layer, part)` of every layer with weights."""
    return [
        (layer, part_of(layer.name, parts))
        for layer in model.layers
        if layer.weights
    ]
