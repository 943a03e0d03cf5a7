"""What models must have in common to be compared, and what they lack."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_mobilevit.architectures import named_weights
from keras_mobilevit.image_folders import (
    image_names,
    label_of,
    list_contents,
    require_class_pictures,
)
from keras_mobilevit.label_files import read_label_file
from keras_mobilevit.labels import class_names
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.opening import OpenedModel

# Fields of `ImageSpec` that must be the same for all models.
_GEOMETRY = {"crop_pct", "pre_resize", "crop_mode"}


def check_task(models: Mapping[str, OpenedModel], task: str) -> None:
    """Checks that all models are for one task.

    Args:
        models: Name to model.
        task: One of `keras_mobilevit.configs.TASKS`.

    Raises:
        ValueError: If one is for another task.
    """
    tasks = {name: opened.info.task for name, opened in models.items()}
    others = {name: found for name, found in tasks.items() if found != task}
    if others:
        raise ValueError(
            f"All models must be for {task}: detectors are measured against "
            "annotations, networks for segmentation against masks, and "
            f"classifiers without either. Received: {others}"
        )


def common_labels(
    models: Mapping[str, OpenedModel],
) -> tuple[str, ...]:
    """Class names in the order of the outputs, which all models agree on.

    Args:
        models: Name to model. Those that are not described, or have no
            names, take those of the others; if none has, there are none.

    Raises:
        ValueError: If the models contradict each other.
    """
    named = {
        name: opened.info.output_labels
        for name, opened in models.items()
        if opened.described and opened.info.labels
    }
    return _agreed("labels", named, default=())


def common_problem_type(models: Mapping[str, OpenedModel]) -> str | None:
    """What the described models say that their outputs answer.

    One score of two classes, and a score of each of them, answer the same.

    Args:
        models: Name to model.

    Returns:
        One of `keras_mobilevit.model_info.PROBLEM_TYPES`; `None` if none says
        it, or they differ, and each is to be read by itself.
    """
    found = {opened.info.output.problem_type for opened in models.values()}
    found.discard(None)
    return found.pop() if len(found) == 1 else None


def common_image(models: Mapping[str, OpenedModel], **fields: Any) -> ImageSpec:
    """What is done to the pictures of all models before they get a size.

    Order and scale of the channels are left out: each model has its own.

    Args:
        models: Name to model. Those that are not described take a field from
            the others; if none is, the pictures are only resized.
        **fields: Values of fields to use instead of what the models say;
            `None` for what they say.

    Raises:
        ValueError: If the models contradict each other, or a value is out of
            its range.
    """
    images = {
        name: opened.info.image
        for name, opened in models.items()
        if opened.described
    }
    agreed = {name: x for name, x in fields.items() if x is not None}
    for field in _GEOMETRY - agreed.keys():
        known = {name: getattr(image, field) for name, image in images.items()}
        agreed[field] = _agreed(field, known, getattr(ImageSpec(), field))
    return ImageSpec(**agreed)


def _agreed(setting, known, default):
    if len(set(known.values())) > 1:
        listed = ", ".join(f"{n}: {str(v)[:60]}" for n, v in known.items())
        raise ValueError(
            f"The models must agree on `{setting}`, or it must be given for "
            f"all of them. Received: {listed}"
        )
    return next(iter(known.values()), default)


def read_labels(choice: str, source: str | os.PathLike) -> tuple[str, ...]:
    """Class names as a user chooses them.

    Args:
        choice: Name of weights, such as `"cifar10"`; `"folders"` for the
            sorted names of the folders of `source`, the order of ImageNet's
            `n01440764`, `n01443537`, ...; `"none"` for no labels; or the path
            of a text file with one name a line.
        source: Folder or tar of `<class>/<picture>`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `read_label_file`, or if the pictures of a folder are
            all of formats that are not read.
    """
    if choice == "none":
        return ()
    if choice == "folders":
        files, folders = list_contents(source)
        require_class_pictures(files, folders, source)
        return tuple(sorted(set(map(label_of, image_names(files, source)))))
    named = named_weights("classification")
    if choice in named:
        return class_names(choice)
    if not pathlib.Path(choice).is_file():
        raise FileNotFoundError(
            f"`labels` must be one of {[*named, 'folders', 'none']}, or a "
            f"text file with one name a line. Received: {choice}"
        )
    return read_label_file(choice)
