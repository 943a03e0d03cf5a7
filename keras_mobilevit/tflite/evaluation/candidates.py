"""What can be evaluated, by name, and how it wants its pictures."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import keras

from keras_mobilevit.checkpoints import read_info, verify_keras_file
from keras_mobilevit.configs import (
    DETECTION_WEIGHTS,
    SEGMENTATION_WEIGHTS,
    WEIGHTS,
)
from keras_mobilevit.images import label_of, list_files
from keras_mobilevit.labels import class_names
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.named_models import open_model
from keras_mobilevit.tflite.dense.network import RANKS
from keras_mobilevit.tflite.metadata import read_metadata

_NAMED = {**WEIGHTS, **SEGMENTATION_WEIGHTS, **DETECTION_WEIGHTS}
_FORMS = (
    "weights:NAME, weights:NAME:VARIANT, FILE.weights.h5, FILE.keras or "
    "FILE.tflite"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """One model to evaluate.

    Attributes:
        model: Keras model, or path of a `.tflite` file.
        info: What is known of it; `None` for files that say nothing.
        task: One of `keras_mobilevit.configs.TASKS`.
    """

    model: keras.Model | pathlib.Path
    info: ModelInfo | None = None
    task: str = "classification"

    @property
    def labels(self) -> tuple[str, ...] | None:
        """As `evaluate`, `Detector` and `Segmenter` take them, or `None`.

        Those of a detector begin with the background.
        """
        if self.info is None or not self.info.labels:
            return None
        background = ("background",) if self.task == "detection" else ()
        return background + self.info.labels

    @property
    def crop_fraction(self) -> float | None:
        """As in `keras_mobilevit.images.load_image`; `None` if unknown."""
        return None if self.info is None else self.info.image.crop_pct

    @property
    def native_size(self) -> int | None:
        """As in `keras_mobilevit.images.load_image`; `None` if unknown."""
        return None if self.info is None else self.info.image.pre_resize


class Settings(NamedTuple):
    """What all candidates have in common, as `evaluate` takes it.

    Attributes:
        labels: Class names in the order of the outputs; may be empty.
        crop_fraction: As in `keras_mobilevit.images.load_image`.
        native_size: As in `keras_mobilevit.images.load_image`.
    """

    labels: tuple[str, ...]
    crop_fraction: float
    native_size: int


def open_candidate(name: str) -> Candidate:
    """Opens a model by its name.

    Args:
        name: `"weights:cifar10"`, `"weights:imagenet:mobilevit_s"` (without
            a variant it is the smallest), likewise `"weights:coco"` and
            `"weights:pascal_voc"`, or the path of a `.weights.h5`, `.keras`
            or `.tflite` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the name has another form, or the file is damaged.
        OSError: If weights can not be downloaded.
    """
    if name.endswith(".tflite"):
        return _candidate(pathlib.Path(name), read_metadata(name))
    if name.endswith(".keras"):
        model = _load_keras(name)
        return _candidate(model, read_info(name), _task_of(model))
    if name.endswith(".weights.h5"):
        opened = open_model(None, name)
        known = read_info(name) is not None
        info = opened.info if known else None
        return _candidate(opened.model, info, opened.info.task)
    kind, _, weights = name.partition(":")
    weights, _, variant = weights.partition(":")
    if kind != "weights" or weights not in _NAMED:
        raise ValueError(
            f"A model must be {_FORMS}, with a NAME of {list(_NAMED)}. "
            f"Received: {name}"
        )
    variants = _NAMED[weights].variants
    if variant and variant not in variants:
        raise ValueError(
            f"There are {weights} weights for {list(variants)}. Received: "
            f"{name}"
        )
    opened = open_model(variant or variants[0], weights)
    return _candidate(opened.model, opened.info)


def _candidate(model, info, task="classification"):
    return Candidate(model, info, task if info is None else info.task)


def _load_keras(path):
    verify_keras_file(path)
    try:
        return keras.saving.load_model(path, compile=False)
    # What the constructors of layers raise, in the end.
    except Exception as error:
        raise ValueError(
            f"Expected a Keras model at {path} whose layers are of Keras or "
            f"of this package. It can not be opened: {error}"
        ) from error


def _task_of(model):
    """What a model is for, by the rank of its output."""
    tasks = {rank: task for task, rank in RANKS.items()}
    rank = len(model.output_shape) if len(model.outputs) == 1 else None
    return tasks.get(rank, "classification")


def check_task(candidates: Mapping[str, Candidate], task: str) -> None:
    """Checks that all candidates are for one task.

    Args:
        candidates: Name to model.
        task: One of `keras_mobilevit.configs.TASKS`.

    Raises:
        ValueError: If one is for another task.
    """
    others = {n: c.task for n, c in candidates.items() if c.task != task}
    if others:
        raise ValueError(
            f"All models must be for {task}: detectors are measured against "
            "annotations, networks for segmentation against masks, and "
            f"classifiers without either. Received: {others}"
        )


def common_settings(
    candidates: Mapping[str, Candidate],
    *,
    labels: tuple[str, ...] | None = None,
    crop_fraction: float | None = None,
    native_size: int | None = None,
) -> Settings:
    """Labels and preprocessing that are right for all candidates.

    Args:
        candidates: Name to model. Those that do not know a setting take it
            from the others; if none knows it, there are no labels, and the
            pictures are only resized.
        labels: Used instead of what the candidates say.
        crop_fraction: Used instead of what the candidates say.
        native_size: Used instead of what the candidates say.

    Raises:
        ValueError: If the candidates contradict each other.
    """
    return Settings(
        _agreed(candidates, "labels", labels, default=()),
        _agreed(candidates, "crop_fraction", crop_fraction, default=1.0),
        _agreed(candidates, "native_size", native_size, default=0),
    )


def _agreed(candidates, setting, given, default):
    if given is not None:
        return given
    values = {name: getattr(c, setting) for name, c in candidates.items()}
    known = {name: v for name, v in values.items() if v is not None}
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
    """
    if choice == "none":
        return ()
    if choice == "folders":
        return tuple(sorted(set(map(label_of, list_files(source)))))
    if choice in WEIGHTS:
        return class_names(choice)
    if not pathlib.Path(choice).is_file():
        raise FileNotFoundError(
            f"`labels` must be one of {[*WEIGHTS, 'folders', 'none']}, or a "
            f"text file with one name a line. Received: {choice}"
        )
    return tuple(pathlib.Path(choice).read_text().splitlines())
