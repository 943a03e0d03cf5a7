"""Models by name, with what is known of their weights."""

from __future__ import annotations

import dataclasses
import os

import keras

from keras_mobilevit import checkpoints, mobilevit
from keras_mobilevit.configs import (
    DETECTION_WEIGHTS,
    SEGMENTATION_WEIGHTS,
    TASKS,
    WEIGHTS,
)
from keras_mobilevit.detection import ssdlite
from keras_mobilevit.labels import class_names
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.output_kind import output_kind
from keras_mobilevit.segmentation import deeplabv3

# Task -> name of the variant -> constructor.
CONSTRUCTORS = {
    "classification": mobilevit.CONSTRUCTORS,
    "segmentation": deeplabv3.CONSTRUCTORS,
    "detection": ssdlite.CONSTRUCTORS,
}
# What is assumed of weights of which nothing is known.
_PUBLISHED = {
    "classification": WEIGHTS["imagenet"].info,
    "segmentation": SEGMENTATION_WEIGHTS["pascal_voc"].info,
    "detection": DETECTION_WEIGHTS["coco"].info,
}
NAMED_WEIGHTS = {**WEIGHTS, **SEGMENTATION_WEIGHTS, **DETECTION_WEIGHTS}


@dataclasses.dataclass(frozen=True, eq=False)
class NamedModel:
    """A network and how to feed and read it.

    Attributes:
        model: The Keras model. A classifier ends in probabilities, a network
            for segmentation in logits at the size of the image, a detector
            in offsets and logits.
        info: What is known of it.
    """

    model: keras.Model
    info: ModelInfo


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
        classes: Outputs, of a detector with the background; by default those
            of the weights.
        size: `(height, width)`; by default that of the weights.

    Returns:
        The model and what is known of its weights. Of a file that says
        nothing of itself, the preprocessing is that of the published weights
        for the task.

    Raises:
        FileNotFoundError: If `weights` is the path of no file.
        ValueError: If the weights do not fit.
        OSError: If the weights can not be downloaded.
    """
    if task not in (None, *TASKS):
        raise ValueError(
            f"`task` must be one of {list(TASKS)}. Received: task={task!r}"
        )
    if weights in NAMED_WEIGHTS:
        known = NAMED_WEIGHTS[weights].info
        if weights in WEIGHTS:
            known = dataclasses.replace(known, labels=class_names(weights))
    elif weights is not None:
        identified = checkpoints.identify(weights)
        variant = variant or identified.variant
        known = checkpoints.read_info(weights) or _guess(identified, task)
        known = _with_stride(known, weights)
    else:
        known = _published_form(task or "classification")
    task = task or known.task
    if variant is None:
        raise ValueError(
            f"`variant` must be one of {list(CONSTRUCTORS[task])}: {weights} "
            "does not tell it."
        )
    options = {}
    if task == "segmentation":
        options["output_stride"] = known.output.stride or 16
    size = tuple(size or known.image.size or _PUBLISHED[task].image.size)
    model = CONSTRUCTORS[task][variant](
        weights=weights,
        input_shape=(*size, 3),
        classes=known.output_classes if classes is None else classes,
        **options,
    )
    return NamedModel(model, _describe(known, model, variant, task, size))


def _describe(known, model, variant, task, size):
    """What is known of the weights, as it is of the model built of them."""
    if task == "detection":
        classes, kind = model.output_shape[-1] - 5, "anchors"
    else:
        classes, kind = model.output_shape[-1], output_kind(model)
    return dataclasses.replace(
        known,
        name=model.name,
        architecture="mobilevit",
        variant=variant,
        task=task,
        classes=classes,
        image=dataclasses.replace(known.image, size=size),
        output=dataclasses.replace(known.output, kind=kind),
    )


def _published_form(task):
    """Size and preprocessing of the published weights, without their facts."""
    return dataclasses.replace(
        _PUBLISHED[task], labels=(), licence="", training_data=""
    )


def _with_stride(known: ModelInfo, path: str | os.PathLike) -> ModelInfo:
    """With the output stride, if the layers of a `.keras` file tell it."""
    stride = checkpoints.read_output_stride(path)
    if known.task != "segmentation" or stride is None:
        return known
    output = dataclasses.replace(known.output, stride=stride)
    return dataclasses.replace(known, output=output)


def _guess(
    identified: checkpoints.CheckpointInfo, task: str | None
) -> ModelInfo:
    """What is known of a file that says nothing, by its tensors."""
    known = _published_form(task or identified.task or "classification")
    if identified.classes is None:
        return known
    classes = identified.classes - known.output.label_offset
    return dataclasses.replace(known, classes=classes)
