"""One way to open a model, by its name or from a file of any kind."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterable
from types import EllipsisType
from typing import TYPE_CHECKING, NamedTuple

from keras_mobilevit.architectures import (
    architectures,
    named_weights,
    variants,
)
from keras_mobilevit.configs import TASKS
from keras_mobilevit.model_info import ImageSpec, ModelInfo, OutputSpec
from keras_mobilevit.model_names import first_name
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.pixel_scaling import PixelScaling, find_scaling
from keras_mobilevit.predictors import (
    batches,
    is_one_image,
    make_predictor,
)
from keras_mobilevit.problem_types import recorded_format
from keras_mobilevit.tflite.dense_prediction.network import RANKS
from keras_mobilevit.tflite.interpreters import LITERT
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.images import ImageSource
    from keras_mobilevit.predictors import Result

_PREFIX = "weights:"


@dataclasses.dataclass(frozen=True, eq=False)
class OpenedModel:
    """A model, what is known of it, and a way from pictures to results.

    Attributes:
        model: Keras model, or the `keras_mobilevit.tflite.ImageModel` of a
            `.tflite` file.
        info: What is known of it.
        described: Whether the preprocessing and the labels were given with
            the weights or in the file; otherwise they are assumptions.
    """

    model: keras.Model | ImageModel
    info: ModelInfo
    described: bool = True

    def predict(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        top: int | None = None,
        score_threshold: float | None = None,
    ) -> Result | list[Result]:
        """Says what is on pictures.

        They are resized, cropped and scaled as `info.image` says.

        Args:
            images: One picture or several. A picture is a path, the bytes of
                a file, a Pillow image, or an array of RGB pixels `(height,
                width, 3)` in [0, 255], of any size. Several are an iterable
                of those, or an array `(n, height, width, 3)`.
            top: How many classes a classifier names; by default 5, and of
                several labels all that are more probable than not.
            score_threshold: Only boxes of a detector with a higher score
                count; by default 0.3.

        Returns:
            The result of one picture, or a list with that of each:

            - classification: a list of `(label, probability)`, best first; of
              several labels those above 0.5; of a regression, of `(label,
              value)`;
            - detection: a list of `keras_mobilevit.detection.Detection`, best
              first, with boxes in pixels of the upright picture;
            - segmentation: a `keras_mobilevit.predictors.Segmentation` with
              the mask at the size of the upright picture, and the labels.

            Without class names, the labels are the numbers of the classes.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If something is no picture, an option is for another
                task, or the model takes any size and none was given.
        """
        one = is_one_image(images)
        predict = make_predictor(
            self.model, self.info, top=top, score_threshold=score_threshold
        )
        results = [
            result
            for batch in batches([images] if one else images)
            for result in predict(batch)
        ]
        return results[0] if one else results


class ListedModel(NamedTuple):
    """A network that can be opened by its name.

    Attributes:
        variant: Such as `"mobilevit_xxs"`.
        task: `"classification"`, `"segmentation"` or `"detection"`.
        weights: Names of the weights that there are for it.
    """

    variant: str
    task: str
    weights: tuple[str, ...]


def list_models(task: str | None = None) -> list[ListedModel]:
    """Lists the networks that `open_model` builds, and their named weights.

    Args:
        task: One of `keras_mobilevit.configs.TASKS`; `None` for all.

    Returns:
        One row a variant and task.

    Raises:
        ValueError: If there is no such task.

    Example:
        >>> import keras_mobilevit
        >>> for row in keras_mobilevit.list_models("classification")[:3]:
        ...     print(row.variant, *row.weights)
        mobilevit_xxs imagenet cifar10
        mobilevit_xs imagenet
        mobilevit_s imagenet
    """
    _check_task(task)
    return [
        ListedModel(variant, listed, tuple(named_weights(listed, variant)))
        for listed in TASKS
        if task in (None, listed)
        for architecture in architectures()
        if listed in architecture.constructors
        for variant in architecture.variants
    ]


def open_model(
    source: str | os.PathLike,
    weights: str | os.PathLike | EllipsisType | None = ...,
    *,
    task: str | None = None,
    classes: int | None = None,
    size: tuple[int, int] | None = None,
    scaling: str | PixelScaling | None = None,
    ema: bool | None = None,
    num_threads: int = 1,
    runtime: str = LITERT,
) -> OpenedModel:
    """Opens a model, by its name or from a file.

    A `.tflite` file is opened without Keras.

    Args:
        source: Name of a variant, such as `"mobilevit_xxs"`, with `weights`;
            `"weights:NAME"` or `"weights:NAME:VARIANT"`, as the commands take
            it, without a variant the smallest; or the path of a `.keras`,
            `.weights.h5` or `.tflite` file, or of another checkpoint that
            `keras_mobilevit.checkpoints.load_weights` reads, such as a folder
            of Hugging Face with `config.json`, which names the classes.
        weights: Only with the name of a variant: name of weights, as
            `list_models` lists them; path of a checkpoint; or `None` for
            random ones.
        task: What the network is for, one of `keras_mobilevit.configs.TASKS`;
            by default that of the weights or the file, and without any
            classification.
        classes: Outputs of a network that is built, of a detector with the
            background; by default those of the weights.
        size: `(height, width)` of the input; by default that of the weights
            or the file. Needed to predict with a `.keras` file whose input
            is of any size, unless the file says it.
        scaling: How a model expects its pixels to be scaled, as in
            `keras_mobilevit.pixel_scaling.find_scaling`: of a `.keras` file,
            where neither its first layers nor the file tell it; of a
            `.tflite` file that says nothing of itself, by default pixels in
            [0, 255]. All others tell it.
        ema: Of a checkpoint that holds weights and their exponential moving
            average, `True` for the average, `False` for the weights
            themselves; by default the average, with a warning.
        num_threads: Threads of the interpreter of a `.tflite` file.
        runtime: What runs a `.tflite` file, as in
            `keras_mobilevit.tflite.ImageModel`.

    Returns:
        The model, with what is known of it. If a file says nothing of
        itself, its task, size and classes are read off the network, and the
        rest is assumed: the preprocessing of the published weights for a
        checkpoint, else pictures that are only resized.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If `source` is neither a name nor a file, the file is
            damaged, an argument does not fit it, or it is not known which
            scaling of pixels it expects.
        OSError: If weights can not be downloaded.
        ImportError: If Keras, or the runtime of a `.tflite` file, is missing.

    Example:
        >>> import keras_mobilevit, numpy as np
        >>> opened = keras_mobilevit.open_model("mobilevit_xxs", "cifar10")
        >>> opened.info.image.size
        (96, 96)
        >>> photo = np.zeros((480, 640, 3), np.uint8)
        >>> len(opened.predict(photo, top=3))
        3
    """
    _check_task(task)
    name = os.fspath(source) if isinstance(source, os.PathLike) else source
    if not isinstance(name, str):
        raise ValueError(f"`source` must be {_forms()}. Received: {source!r}")
    if name in variants():
        return _build(name, weights, task, classes, size, ema)
    if weights is not ...:
        raise ValueError(
            "`weights` goes with the name of a variant, one of "
            f"{list(variants())}; a file has its own. Received: {name!r}, "
            f"weights={weights!r}"
        )
    if name.startswith(_PREFIX):
        variant, weights = _parse(name)
        return _build(variant, weights, task, classes, size, ema)
    suffix = pathlib.Path(name).suffix
    if suffix in (".tflite", ".keras"):
        if classes is not None:
            raise ValueError(
                "`classes` is for networks that are built: a "
                f"{suffix} file has its own. Received: classes={classes}"
            )
        if ema is not None:
            raise ValueError(
                "`ema` chooses between the weights of a checkpoint: a "
                f"{suffix} file has one set. Received: ema={ema}"
            )
        if suffix == ".tflite":
            return _open_tflite(name, task, size, scaling, num_threads, runtime)
        return _open_keras(name, task, size, scaling)
    if name and pathlib.Path(name).exists():
        return _build(None, name, task, classes, size, ema)
    if suffix:
        raise FileNotFoundError(
            f"There is no checkpoint at {name}. Expected {_forms()}."
        )
    raise ValueError(f"A model must be {_forms()}. Received: {name}")


def _forms():
    return (
        f"the name of a variant, one of {list(variants())}, "
        "weights:NAME or weights:NAME:VARIANT, or the path of a .keras, "
        ".weights.h5 or .tflite file, another checkpoint, or a folder of "
        "Hugging Face"
    )


def _check_task(task):
    if task not in (None, *TASKS):
        raise ValueError(
            f"`task` must be one of {list(TASKS)}. Received: task={task!r}"
        )


# === By name, and checkpoints ===


def _parse(name):
    """Variant and weights of `weights:NAME[:VARIANT]`."""
    weights, _, variant = name.removeprefix(_PREFIX).partition(":")
    named = named_weights()
    if weights not in named:
        raise ValueError(
            f"weights:NAME must have a NAME of {list(named)}. Received: {name}"
        )
    fitting = named[weights].variants
    if variant and variant not in fitting:
        raise ValueError(
            f"There are {weights} weights for {list(fitting)}. Received: {name}"
        )
    return variant or fitting[0], weights


def _build(variant, weights, task, classes, size, ema):
    if weights is ...:
        rows = list_models(task or "classification")
        names = next(row.weights for row in rows if row.variant == variant)
        raise ValueError(
            "`weights` must be given with the name of a variant: one of "
            f"{list(names)}, the path of a checkpoint, or None for random "
            f"ones. Received: {variant!r}"
        )
    import_optional("keras", extra="tflite")
    from keras_mobilevit import checkpoints, named_models

    opened = named_models.open_model(
        variant, weights, task=task, classes=classes, size=size, ema=ema
    )
    described = weights is not None and (
        weights in named_weights() or checkpoints.read_info(weights) is not None
    )
    return OpenedModel(opened.model, opened.info, described)


# === Files of whole models ===


def _open_tflite(path, task, size, scaling, num_threads, runtime):
    model = ImageModel(path, num_threads, runtime)
    described = read_metadata(path) is not None
    info = _with_task(model.info, task, described, path)
    info = _with_size(info, model.size, size, path)
    if scaling is not None and not described:
        info = _with_scaling(info, find_scaling(scaling))
        model.info = info
    return OpenedModel(model, info, described)


def _open_keras(path, task, size, scaling):
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"There is no .keras file at {path}.")
    keras = import_optional("keras", extra="tflite")
    from keras_mobilevit.checkpoints import read_info, verify_keras_file
    from keras_mobilevit.input_scaling import resolve_scaling
    from keras_mobilevit.output_kind import output_kind, output_scores

    info = read_info(path)
    verify_keras_file(path)
    try:
        model = keras.saving.load_model(path, compile=False)
    # What the constructors of layers raise, in the end.
    except Exception as error:
        raise ValueError(
            f"Expected a Keras model at {path} whose layers are of Keras or "
            f"of this package. It can not be opened: {error}"
        ) from error
    described = info is not None
    info = _with_task(info or _read_off(model, path), task, described, path)
    if info.output.kind is None and info.task != "detection":
        output = dataclasses.replace(info.output, kind=output_kind(model))
        info = dataclasses.replace(info, output=output)
    if info.task == "classification":
        info = _with_problem_type(info, output_scores(model))
    shape = model.input_shape
    is_image = isinstance(shape, tuple) and len(shape) == 4
    own = shape[1:3] if is_image else (None, None)
    if is_image and len(model.outputs) == 1:
        image = info.image if described else None
        info = _with_scaling(info, resolve_scaling(model, image, scaling))
    return OpenedModel(model, _with_size(info, own, size, path), described)


def _read_off(model, path):
    """What the shape of the output of a Keras model tells."""
    tasks = {rank: task for task, rank in RANKS.items()}
    shape = model.output_shape if len(model.outputs) == 1 else ()
    task = tasks.get(len(shape), "classification")
    classes = shape[-1] if len(shape) in tasks else None
    image, output = ImageSpec(), OutputSpec()
    if task != "classification":
        image = ImageSpec(crop_mode="squash")
    if task == "detection":
        # Four sides of a box, and the background.
        classes = classes - 5 if classes and classes > 5 else None
        output = OutputSpec(kind="anchors", label_offset=1)
    return ModelInfo(
        name=first_name(model.name, pathlib.Path(path).stem),
        task=task,
        classes=classes,
        image=image,
        output=output,
    )


def _with_task(info, task, described, path):
    if task is None or task == info.task:
        return info
    if described:
        raise ValueError(
            f"{path} holds a model for {info.task}. Received: task={task!r}"
        )
    return dataclasses.replace(info, task=task)


def _with_problem_type(info, found):
    scores = recorded_format(info.output, found)
    kind = info.output.kind
    output = dataclasses.replace(
        info.output,
        problem_type=scores.problem_type,
        kind=None if scores.problem_type == "regression" else kind,
    )
    if scores.problem_type == "binary" and not info.labels:
        # One score, of two classes.
        info = dataclasses.replace(info, classes=2)
    return dataclasses.replace(info, output=output)


def _with_scaling(info, scaling):
    image = dataclasses.replace(
        info.image, scale=scaling.scale, offset=scaling.offset
    )
    return dataclasses.replace(info, image=image)


def _with_size(info, own, size, path):
    """The size of the network itself, or else as given, or as described."""
    if None in own:
        size = size or info.image.size
    elif size is not None and tuple(size) != tuple(own):
        raise ValueError(
            f"{path} takes {tuple(own)} pixels. Received: size={tuple(size)}"
        )
    else:
        size = own
    image = dataclasses.replace(info.image, size=size and tuple(size))
    return dataclasses.replace(info, image=image)
