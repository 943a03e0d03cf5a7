"""Parts of a network, from input to output, to freeze or train more slowly."""

from __future__ import annotations

import keras

from keras_mobilevit.configs import SSD_LEVELS

# First words of the names of the layers of each part, from the image on: the
# backbone, what is between it and the predictions, and these.
PARTS = (
    ("stem",),
    ("stage1",),
    ("stage2",),
    ("stage3",),
    ("stage4",),
    ("stage5",),
    ("head", "aspp", *(f"extra{level}" for level in range(len(SSD_LEVELS)))),
    (
        "predictions",
        "pixel",
        *(f"head{level}" for level in range(len(SSD_LEVELS))),
    ),
)
_BACKBONE = 6


def part_of(layer_name: str) -> int:
    """Index in `PARTS` of a layer such as `"stage3_block"`.

    Raises:
        ValueError: If no part has a layer of that name.
    """
    word = layer_name.partition("_")[0]
    for part, words in enumerate(PARTS):
        if word in words:
            return part
    first_words = sum(PARTS, ())
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
        count: Number of parts, counted from the image: 0 to 7, all but the
            predictions. 6 are the backbone.

    Raises:
        ValueError: If `count` is out of its range, or the model has other
            layers with weights.
    """
    if not 0 <= count < len(PARTS):
        raise ValueError(
            f"`count` must be from 0 to {len(PARTS) - 1}: the parts in front "
            f"of the predictions. Received: count={count}"
        )
    if count == 0:
        return
    parts = _parts_of_layers(model)
    for layer, part in parts:
        if part < count:
            layer.trainable = False


def rate_multipliers(
    model: keras.Model, layer_decay: float, head_rate: float = 1.0
) -> dict[str, float]:
    """Factors on the learning rate.

    They shrink towards the image: 1 for the predictions, `layer_decay` for
    what is between them and the backbone, its square for stage 5, and so on
    to the seventh power for the stem. What lies behind the backbone is
    multiplied by `head_rate` on top.

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
    last = len(PARTS) - 1
    return {
        variable.path: layer_decay ** (last - part)
        * (head_rate if part >= _BACKBONE else 1.0)
        for layer, part in _parts_of_layers(model)
        for variable in layer.trainable_variables
    }


def _parts_of_layers(model):
    """`(layer, part)` of every layer with weights."""
    return [
        (layer, part_of(layer.name)) for layer in model.layers if layer.weights
    ]
