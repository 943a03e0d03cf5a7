"""Models by name, with the facts that travel with their weights."""

from __future__ import annotations

import dataclasses
import os
from typing import NamedTuple

import keras

from keras_mobilevit import checkpoints, mobilevit
from keras_mobilevit.configs import (
    DETECTION_WEIGHTS,
    SEGMENTATION_WEIGHTS,
    TASKS,
    WEIGHTS,
    WeightsConfig,
)
from keras_mobilevit.detection import ssdlite
from keras_mobilevit.labels import class_names
from keras_mobilevit.segmentation import deeplabv3

# Task -> name of the variant -> constructor.
CONSTRUCTORS = {
    "classification": mobilevit.CONSTRUCTORS,
    "segmentation": deeplabv3.CONSTRUCTORS,
    "detection": ssdlite.CONSTRUCTORS,
}
# What is assumed of weights of which nothing is known.
_PUBLISHED = {
    "classification": WEIGHTS["imagenet"],
    "segmentation": SEGMENTATION_WEIGHTS["pascal_voc"],
    "detection": DETECTION_WEIGHTS["coco"],
}
NAMED_WEIGHTS = {**WEIGHTS, **SEGMENTATION_WEIGHTS, **DETECTION_WEIGHTS}


class NamedModel(NamedTuple):
    """A network and how to feed and read it.

    Attributes:
        model: The Keras model. A classifier ends in probabilities, a network
            for segmentation in logits at the size of the image, a detector
            in offsets and logits.
        labels: Class names in the order of the outputs; may be empty. Those
            of a detector begin with the background.
        crop_fraction: As in `keras_mobilevit.images.load_image`.
        native_size: Likewise.
        task: One of `keras_mobilevit.configs.TASKS`.
    """

    model: keras.Model
    labels: tuple[str, ...]
    crop_fraction: float
    native_size: int
    task: str = "classification"


def open_model(
    variant: str | None,
    weights: str | os.PathLike | None,
    *,
    task: str | None = None,
    classes: int | None = None,
    size: tuple[int, int] | None = None,
) -> NamedModel:
    """Builds a network from the names of its variant and weights.

    Args:
        variant: Name of the variant, such as `"mobilevit_xxs"`; `None` for
            that of the weights file.
        weights: As in the constructors of the task.
        task: What the network is for, one of `keras_mobilevit.configs.TASKS`;
            by default that of the weights, and without any classification.
        classes: Outputs; by default those of the weights.
        size: `(height, width)`; by default that of the weights.

    Returns:
        The model and what is known of its weights.

    Raises:
        FileNotFoundError: If `weights` is the path of no file.
        ValueError: If the weights do not fit.
        OSError: If the weights can not be downloaded.
    """
    if task not in (None, *TASKS):
        raise ValueError(
            f"`task` must be one of {list(TASKS)}. Received: task={task!r}"
        )
    known, labels = _PUBLISHED[task or "classification"], ()
    if weights in WEIGHTS:
        known, labels = WEIGHTS[weights], class_names(weights)
    elif weights in NAMED_WEIGHTS:
        known = NAMED_WEIGHTS[weights]
        labels = known.labels
    elif weights is not None:
        info = checkpoints.identify(weights)
        variant = variant or info.variant
        facts = checkpoints.read_facts(weights)
        known = facts or _guess(info, task)
        labels = facts.labels if facts else ()
    task = task or known.task
    if variant is None:
        raise ValueError(
            f"`variant` must be one of {list(CONSTRUCTORS[task])}: {weights} "
            "does not tell it."
        )
    options = {}
    if task == "segmentation":
        options["output_stride"] = known.output_stride
    model = CONSTRUCTORS[task][variant](
        weights=weights,
        input_shape=(*(size or (known.size, known.size)), 3),
        classes=known.classes if classes is None else classes,
        **options,
    )
    return NamedModel(
        model, labels, known.crop_fraction, known.native_size, task
    )


def _guess(info: checkpoints.CheckpointInfo, task: str | None) -> WeightsConfig:
    """Facts of a file that holds none, as far as its tensors tell them."""
    published = _PUBLISHED[task or info.task or "classification"]
    return dataclasses.replace(
        published, classes=info.classes or published.classes
    )
