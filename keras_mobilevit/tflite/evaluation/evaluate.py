"""Keras models and `.tflite` files on the same pictures, side by side."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
from tqdm import tqdm

from keras_mobilevit.class_scores import to_logits
from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.image_folders import (
    label_of,
    list_files,
    read_files,
)
from keras_mobilevit.images import load_rgb
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.opening import OpenedModel
from keras_mobilevit.tflite import metrics
from keras_mobilevit.tflite.evaluation.candidates import common_image
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.runners import make_runner
from keras_mobilevit.tflite.runtime import ImageModel

# Pictures in memory at a time, and the batch of the Keras models.
_CHUNK = 32


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How one model did. Intervals are `(low, high)`, of 95 %.

    Attributes:
        images: Number of pictures.
        skipped: Names of the pictures that could not be read.
        agreement: Share with the same first answer as the first model.
        agreement_interval: Wilson's interval.
        sqnr: Signal to quantization noise of the logits against the first
            model, in dB; infinite where they are equal.
        median_sqnr: Median of the SQNRs of the single pictures, in dB.
        top1: Share whose first answer is the label; like all that follows,
            `None` without labels.
        top1_interval: Wilson's interval.
        top5: Share with the label among the first five answers; `None` if
            there are no more than five classes.
        top5_interval: Wilson's interval.
        difference: `top1` less that of the first model.
        difference_interval: That of `metrics.difference_interval`, which
            counts the pictures on which just one of the two is right.
        calibration_error: Expected calibration error in [0, 1], of 15 bins.

    Example:
        >>> from keras_mobilevit import tflite
        >>> results = tflite.evaluate(
        ...     {"float32": "model.tflite", "int8": "int8.tflite"},
        ...     "photos",
        ... )
        >>> results["float32"].images, results["int8"].sqnr > 0
        (24, True)
    """

    images: int
    skipped: tuple[str, ...]
    agreement: float
    agreement_interval: tuple[float, float]
    sqnr: float
    median_sqnr: float
    top1: float | None = None
    top1_interval: tuple[float, float] | None = None
    top5: float | None = None
    top5_interval: tuple[float, float] | None = None
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None
    calibration_error: float | None = None


@takes_image_arguments("image")
def evaluate(
    models: Mapping[
        str, OpenedModel | keras.Model | ImageModel | str | os.PathLike
    ],
    source: str | os.PathLike,
    labels: Sequence[str] = (),
    *,
    image: ImageSpec | None = None,
    limit: int | None = None,
    workers: int = 1,
) -> dict[str, Evaluation]:
    """Classifies the pictures of a folder with several models.

    Outputs may be probabilities or logits: Keras models and files tell which,
    and of files of others `keras_mobilevit.class_scores` judges. Pictures that
    can not be read are left out for all models.

    Args:
        models: Name to Keras classifier or `.tflite` file, open or not, or to
            what `keras_mobilevit.open_model` returned; all of one input size
            and the same classes. The first is the reference. Each worker
            opens its own copy of a file.
        source: Folder or tar of `<class>/<picture>`, or of pictures that are
            in no folder and so have no labels.
        labels: Class names in the order of the outputs; none if the models
            are only to be compared with each other.
        image: How pictures are cropped, and the order and scale of the
            channels of Keras models that do not come from `open_model`. By
            default as the models and files say, which must agree.
        limit: Evaluate only so many pictures, spread evenly.
        workers: Threads that read pictures and run `.tflite` files; Keras
            spreads its batches by itself. The results are the same for any.

    Returns:
        One `Evaluation` a model.

    Raises:
        FileNotFoundError: If a file or the source does not exist.
        ValueError: If the models differ in size, classes or preprocessing, a
            folder is named after no label, no picture can be read, or an
            argument is out of its range.

    Example:
        >>> from keras_mobilevit import tflite
        >>> results = tflite.evaluate(
        ...     {"float32": "model.tflite", "int8": "int8.tflite"},
        ...     "photos",
        ...     limit=8,
        ... )
        >>> results["int8"].images, float(results["float32"].agreement)
        (8, 1.0)
    """
    _check_arguments(limit, workers)
    models = {name: _opened(model, image) for name, model in models.items()}
    image = image or common_image(models)
    names = list_files(source, limit)
    classes = _classes(names, labels, source)
    # Threads, because Pillow and LiteRT release the interpreter's lock, and
    # because a process would first have to import Keras.
    with ThreadPoolExecutor(workers) as pool:
        runners = {
            name: make_runner(opened.model, workers, opened.info.image)
            for name, opened in models.items()
        }
        load = functools.partial(_load, size=_common_size(runners), spec=image)
        read, outputs = [], {name: [] for name in models}
        for pictures in _chunks(source, names):
            loaded = zip(pictures, pool.map(load, pictures), strict=True)
            images = {
                p.name: pixels for p, pixels in loaded if pixels is not None
            }
            if not images:
                continue
            read.extend(images)
            batch = np.stack(list(images.values()))
            for name, runner in runners.items():
                outputs[name].extend(runner.run_pictures(batch))
            _check_classes(outputs, labels)

    if not read:
        raise ValueError(
            f"None of the {len(names)} pictures of {source} can be read, such "
            f"as {names[0]}."
        )
    outputs = {name: np.stack(rows) for name, rows in outputs.items()}
    _check_finite(outputs)
    skipped = tuple(sorted(set(names) - set(read)))
    truth = np.array([classes[name] for name in read]) if classes else None
    reference = next(iter(outputs))
    kinds = {name: runner.kind for name, runner in runners.items()}
    return {
        name: _measure(
            (outputs[reference], kinds[reference]),
            (output, kinds[name]),
            truth,
            skipped,
        )
        for name, output in outputs.items()
    }


def _check_arguments(limit, workers):
    for name, value in (("limit", limit), ("workers", workers)):
        if value is not None and value < 1:
            raise ValueError(
                f"`{name}` must be 1 or more. Received: {name}={value}"
            )


def _opened(model, image):
    """A model with its description, if it has one."""
    if isinstance(model, OpenedModel):
        return model
    if isinstance(model, (str, os.PathLike)):
        model = ImageModel(model)
    if isinstance(model, ImageModel):
        described = read_metadata(model.path) is not None
        return OpenedModel(model, model.info, described)
    info = ModelInfo(image=image or ImageSpec())
    return OpenedModel(model, info, described=False)


def _load(picture, size, spec):
    try:
        return load_rgb(picture.data, size, spec)
    except ValueError:
        return None


def _common_size(runners):
    """The size of all; Keras models of any size take that of the others."""
    sizes = {name: runner.size for name, runner in runners.items()}
    fixed = {size for size in sizes.values() if None not in size}
    if len(fixed) != 1:
        raise ValueError(
            "All models must have one input size, and one of them must fix "
            f"it. Received: {sizes}"
        )
    return fixed.pop()


def _classes(names, labels, source):
    """Picture name to class index; none if there are no labels."""
    folders = {name: label_of(name) for name in names}
    if not labels or not any(folders.values()):
        return {}
    # ImageNet has two kinds of "crane": their pictures can not be told apart.
    count = collections.Counter(labels)
    index = {label: i for i, label in enumerate(labels) if count[label] == 1}
    unknown = set(folders.values()) - set(index)
    if unknown:
        raise ValueError(
            f"Folders of {source} must be named after the classes, each after "
            f"one: {list(labels)[:5]}... Received: {sorted(unknown)[:5]}. "
            "Without labels, the models are compared with each other only."
        )
    return {name: index[folder] for name, folder in folders.items()}


def _chunks(source, names):
    """Pictures in lists of `_CHUNK`, with one progress bar over them all."""
    pictures = iter(
        tqdm(
            read_files(source, names),
            total=len(names),
            desc="evaluating",
            disable=None,
        )
    )
    while chunk := list(itertools.islice(pictures, _CHUNK)):
        yield chunk


def _check_classes(outputs, labels):
    shapes = {name: np.shape(parts[-1]) for name, parts in outputs.items()}
    found = set(shapes.values())
    wanted = {(len(labels),)} if labels else found
    if found != wanted or len(found) != 1 or len(*found) != 1:
        raise ValueError(
            "All models must give one vector for a picture, with one number "
            f"a class ({len(labels) or 'any number of'} classes). Received "
            f"outputs of shape {shapes}"
        )


def _check_finite(outputs):
    for name, output in outputs.items():
        bad = np.count_nonzero(~np.isfinite(output).all(axis=1))
        if bad:
            raise ValueError(
                f"The outputs of {name} are not finite on {bad} of "
                f"{len(output)} pictures."
            )


def _measure(reference, output, truth, skipped):
    """Compares two models, each `(outputs, their kind)`."""
    logits = to_logits(*reference), to_logits(*output)
    (reference, _), (output, kind) = reference, output
    images = len(output)
    same = np.count_nonzero(metrics.same_answer(reference, output))
    return Evaluation(
        images=images,
        skipped=skipped,
        agreement=same / images,
        agreement_interval=metrics.wilson_interval(same, images),
        sqnr=metrics.sqnr(*logits, "logits"),
        median_sqnr=metrics.median_sqnr(*logits, "logits"),
        **({} if truth is None else _accuracy(reference, output, truth, kind)),
    )


def _accuracy(reference, output, truth, kind):
    images = len(output)
    before = metrics.top_hits(reference, truth, top=1)
    right = metrics.top_hits(output, truth, top=1)
    gained = np.count_nonzero(right & ~before)
    lost = np.count_nonzero(before & ~right)
    top1 = np.count_nonzero(right)
    top5 = {}
    # Of five classes or fewer, the first five answers are always right.
    if output.shape[1] > 5:
        hits = np.count_nonzero(metrics.top_hits(output, truth, top=5))
        top5 = dict(
            top5=hits / images,
            top5_interval=metrics.wilson_interval(hits, images),
        )
    return dict(
        **top5,
        top1=top1 / images,
        top1_interval=metrics.wilson_interval(top1, images),
        difference=(gained - lost) / images,
        difference_interval=metrics.difference_interval(gained, lost, images),
        calibration_error=metrics.calibration_error(output, truth, kind=kind),
    )
