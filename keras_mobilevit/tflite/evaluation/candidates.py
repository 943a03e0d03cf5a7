"""What models must have in common to be compared, and what they lack."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

from keras_mobilevit.architectures import named_weights
from keras_mobilevit.image_folders import (
    image_names,
    label_of,
    list_all,
    require_class_pictures,
)
from keras_mobilevit.label_files import read_label_file
from keras_mobilevit.labels import class_names
from keras_mobilevit.opening import OpenedModel


class Settings(NamedTuple):
    """What all models have in common, as `evaluate` takes it.

    Attributes:
        labels: Class names in the order of the outputs; may be empty.
        crop_pct: As in `keras_mobilevit.images.load_image`.
        pre_resize: As in `keras_mobilevit.images.load_image`.
    """

    labels: tuple[str, ...]
    crop_pct: float
    pre_resize: int


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


def common_settings(
    models: Mapping[str, OpenedModel],
    *,
    labels: tuple[str, ...] | None = None,
    crop_pct: float | None = None,
    pre_resize: int | None = None,
) -> Settings:
    """Labels and preprocessing that are right for all models.

    Args:
        models: Name to model. Those that are not described take a setting
            from the others; if none is, there are no labels, and the pictures
            are only resized.
        labels: Used instead of what the models say.
        crop_pct: Used instead of what the models say.
        pre_resize: Used instead of what the models say.

    Raises:
        ValueError: If the models contradict each other.
    """
    described = {
        n: opened.info for n, opened in models.items() if opened.described
    }
    named = {n: i.output_labels for n, i in described.items() if i.labels}
    crops = {n: info.image.crop_pct for n, info in described.items()}
    sizes = {n: info.image.pre_resize for n, info in described.items()}
    return Settings(
        _agreed("labels", named, labels, default=()),
        _agreed("crop_pct", crops, crop_pct, default=1.0),
        _agreed("pre_resize", sizes, pre_resize, default=0),
    )


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


def _agreed(setting, known, given, default):
    if given is not None:
        return given
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
        files = list_all(source)
        require_class_pictures(files, source)
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
