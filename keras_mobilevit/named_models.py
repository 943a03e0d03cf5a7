"""Models by name, with what is known of their weights."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_mobilevit import checkpoints
from keras_mobilevit.architectures import (
    architecture_of,
    constructors,
    named_weights,
)
from keras_mobilevit.configs import (
    DETECTION_WEIGHTS,
    SEGMENTATION_WEIGHTS,
    TASKS,
    WEIGHTS,
)
from keras_mobilevit.deprecation import moved_attribute, warn_moved
from keras_mobilevit.input_scaling import describe_scaling
from keras_mobilevit.labels import class_names
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.output_kind import output_kind, output_scores


class _Constructors(Mapping):
    """Looked up anew each time: architectures may be registered later."""

    def __getitem__(self, task):
        if task not in TASKS:
            raise KeyError(task)
        return constructors(task)

    def __iter__(self):
        return iter(TASKS)

    def __len__(self):
        return len(TASKS)


# Task -> name of the variant -> constructor.
CONSTRUCTORS = _Constructors()
# What is assumed of weights of which nothing is known, nor of others of the
# architecture.
_PUBLISHED = {
    "classification": WEIGHTS["imagenet"].info,
    "segmentation": SEGMENTATION_WEIGHTS["pascal_voc"].info,
    "detection": DETECTION_WEIGHTS["coco"].info,
}
# Those of MobileViT; `architectures.named_weights` has those of all.
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

    def __getattr__(self, name: str) -> Any:
        return moved_attribute(self, name, _MOVED)

    def __iter__(self) -> Iterator[Any]:
        """Of the five values that it was a tuple of in 0.1."""
        warn_moved("Unpacking the result of open_model", "its attributes")
        return iter(
            (
                self.model,
                self.info.output_labels,
                self.info.image.crop_pct,
                self.info.image.pre_resize,
                self.info.task,
            )
        )


# Its attributes in 0.1, besides the model.
_MOVED = {
    "labels": "info.output_labels",
    "crop_fraction": "info.image.crop_pct",
    "native_size": "info.image.pre_resize",
    "task": "info.task",
}


def open_model(
    variant: str | None,
    weights: str | os.PathLike | None,
    *,
    task: str | None = None,
    classes: int | None = None,
    size: tuple[int, int] | None = None,
    ema: bool | None = None,
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
        ema: As in `keras_mobilevit.checkpoints.load_weights`.

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
    named = named_weights()
    if weights in named:
        # Those of the variant, if it has some: they may be of another size.
        known = {**named, **named_weights(variant=variant)}[weights].info
        if known.task == "classification":
            known = dataclasses.replace(known, labels=class_names(weights))
    elif weights is not None:
        identified = checkpoints.identify(weights)
        variant = variant or identified.variant
        known = checkpoints.read_info(weights) or _guess(identified, task)
        known = _with_stride(known, weights)
        if known.classes is None and identified.classes is not None:
            classes_known = identified.classes - known.output.label_offset
            known = dataclasses.replace(known, classes=classes_known)
    else:
        known = _published_form(task or "classification", variant)
    task = task or known.task
    if variant is None:
        raise ValueError(
            f"`variant` must be one of {list(CONSTRUCTORS[task])}: {weights} "
            "does not tell it."
        )
    options = {}
    if task == "segmentation":
        options["output_stride"] = known.output.stride or 16
    size = size or known.image.size
    size = tuple(size or _published(task, variant).image.size)
    # The constructors load files too, but leave the choice of weights open.
    from_file = weights is not None and weights not in named
    model = CONSTRUCTORS[task][variant](
        weights=None if from_file else weights,
        input_shape=(*size, 3),
        classes=known.output_classes if classes is None else classes,
        **options,
    )
    if from_file:
        checkpoints.load_weights(model, weights, ema=ema)
    elif ema is not None:
        raise ValueError(
            "`ema` chooses between the weights of a checkpoint. Received: "
            f"ema={ema}, weights={weights!r}"
        )
    return NamedModel(model, _describe(known, model, variant, task, size))


def _describe(known, model, variant, task, size):
    """What is known of the weights, as it is of the model built of them."""
    if task == "detection":
        classes, kind = model.output_shape[-1] - 5, "anchors"
    else:
        classes, kind = model.output_shape[-1], output_kind(model)
    known = dataclasses.replace(
        known,
        name=model.name,
        architecture=architecture_of(variant).name,
        variant=variant,
        task=task,
        classes=classes,
        image=dataclasses.replace(known.image, size=size),
        output=dataclasses.replace(known.output, kind=kind),
    )
    if task == "classification":
        output = dataclasses.replace(
            known.output, problem_type=output_scores(model).problem_type
        )
        known = dataclasses.replace(known, output=output)
    return describe_scaling(known, model)


def _published(task, variant):
    """What is known of the published weights for a task."""
    weights = named_weights(task, variant) if variant else {}
    return next((w.info for w in weights.values()), _PUBLISHED[task])


def _published_form(task, variant):
    """Size and preprocessing of the published weights, without their facts."""
    return dataclasses.replace(
        _published(task, variant), labels=(), licence="", training_data=""
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
    task = task or identified.task or "classification"
    known = _published_form(task, identified.variant)
    if identified.classes is None:
        return known
    classes = identified.classes - known.output.label_offset
    return dataclasses.replace(known, classes=classes)
