"""Models by name, with the facts that travel with their weights."""

from __future__ import annotations

import dataclasses
import os
from typing import NamedTuple

import keras

from keras_mobilevit import checkpoints
from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.labels import class_names
from keras_mobilevit.mobilevit import CONSTRUCTORS


class NamedModel(NamedTuple):
    """A classifier and how to feed and read it.

    Attributes:
        model: The Keras model, ending in probabilities.
        labels: Class names in the order of the outputs; may be empty.
        crop_fraction: As in `keras_mobilevit.images.load_image`.
        native_size: Likewise.
    """

    model: keras.Model
    labels: tuple[str, ...]
    crop_fraction: float
    native_size: int


def open_model(
    variant: str | None,
    weights: str | os.PathLike | None,
    *,
    classes: int | None = None,
    size: tuple[int, int] | None = None,
) -> NamedModel:
    """Builds a classifier from the names of its variant and weights.

    Args:
        variant: Name of the variant, such as `"mobilevit_xxs"`; `None` for
            that of the weights file.
        weights: As in `keras_mobilevit.MobileViTXXS`.
        classes: Outputs; by default those of the weights.
        size: `(height, width)`; by default that of the weights.

    Returns:
        The model and what is known of its weights.

    Raises:
        FileNotFoundError: If `weights` is the path of no file.
        ValueError: If the weights do not fit.
        OSError: If something can not be downloaded.
    """
    known = WEIGHTS.get(weights, WEIGHTS["imagenet"])
    labels = class_names(weights) if weights in WEIGHTS else ()
    if weights is not None and weights not in WEIGHTS:
        info = checkpoints.identify(weights)
        variant = variant or info.variant
        facts = checkpoints.read_facts(weights)
        if facts is not None:
            known, labels = facts, facts.labels
        elif info.classes:
            known = dataclasses.replace(known, classes=info.classes)
    if variant is None:
        raise ValueError(
            f"`variant` must be one of {list(CONSTRUCTORS)}: {weights} does "
            "not tell it."
        )
    if classes is None:
        classes = known.classes
    model = CONSTRUCTORS[variant](
        weights=weights,
        input_shape=(*(size or (known.size, known.size)), 3),
        classes=classes,
    )
    return NamedModel(model, labels, known.crop_fraction, known.native_size)
