"""Parts of a classifier from the image on, to freeze or to slow down."""

from __future__ import annotations

import keras

# First words of the names of the layers, from the image on.
PARTS = (
    "stem",
    "stage1",
    "stage2",
    "stage3",
    "stage4",
    "stage5",
    "head",
    "predictions",
)


def part_of(layer_name: str) -> int:
    """Index in `PARTS` of a layer such as `"stage3_block"`.

    Raises:
        ValueError: If no part has a layer of that name.
    """
    part = layer_name.partition("_")[0]
    if part not in PARTS:
        raise ValueError(
            "Only the parts of a model of this package can be frozen or get "
            f"rates of their own: its layers are named after {PARTS}. "
            f"Received a layer with weights named {layer_name!r}."
        )
    return PARTS.index(part)


def freeze(model: keras.Model, count: int) -> None:
    """Keeps the first parts of a model as they are.

    Their batch norms then normalize by the statistics they have, in training
    too, and keep them. To be called before `compile`.

    Args:
        model: Model of this package.
        count: Number of parts, counted from the image: 0 to 7, all but the
            classifier.

    Raises:
        ValueError: If `count` is out of its range, or the model has other
            layers with weights.
    """
    if not 0 <= count < len(PARTS):
        raise ValueError(
            f"`count` must be from 0 to {len(PARTS) - 1}: the parts in front "
            f"of the classifier. Received: count={count}"
        )
    if count == 0:
        return
    parts = _parts_of_layers(model)
    for layer, part in parts:
        if part < count:
            layer.trainable = False


def rate_multipliers(
    model: keras.Model, layer_decay: float
) -> dict[str, float]:
    """Factors on the learning rate that shrink towards the image.

    1 for the classifier, `layer_decay` for the head, its square for stage 5,
    and so on to the seventh power for the stem.

    Args:
        model: Model of this package.
        layer_decay: Factor from one part to the part in front of it, in
            (0, 1].

    Returns:
        Path of each trainable variable -> factor; empty if all are 1.

    Raises:
        ValueError: If `layer_decay` is out of its range, or the model has
            other layers with weights.
    """
    if not 0 < layer_decay <= 1:
        raise ValueError(
            "`layer_decay` must be above 0 and at most 1. Received: "
            f"layer_decay={layer_decay}"
        )
    if layer_decay == 1:
        return {}
    return {
        variable.path: layer_decay ** (len(PARTS) - 1 - part)
        for layer, part in _parts_of_layers(model)
        for variable in layer.trainable_variables
    }


def _parts_of_layers(model):
    """`(layer, part)` of every layer with weights."""
    return [
        (layer, part_of(layer.name)) for layer in model.layers if layer.weights
    ]
