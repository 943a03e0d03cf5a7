"""Keras models and `.tflite` files on the same pictures, side by side."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import keras
import numpy as np

from keras_mobilevit.class_scores import as_two_classes, to_logits
from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.image_folders import list_files, read_files
from keras_mobilevit.images import load_rgb
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.opening import OpenedModel
from keras_mobilevit.pixel_scaling import PixelScaling
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite import metrics
from keras_mobilevit.tflite.evaluation.candidates import common_image
from keras_mobilevit.tflite.evaluation.multi_label import measure_labels
from keras_mobilevit.tflite.evaluation.regression import measure_values
from keras_mobilevit.tflite.evaluation.right_answers import right_answers
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.runners import make_runner
from keras_mobilevit.tflite.runtime import ImageModel

Scaling: TypeAlias = str | PixelScaling

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
    scaling: Scaling | Mapping[str, Scaling | None] | None = None,
    problem_type: str | None = None,
    targets: str | os.PathLike | None = None,
    limit: int | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Classifies the pictures of a folder with several models.

    Outputs may be probabilities or logits: Keras models and files tell which.
    Pictures that can not be read are left out for all models.

    Args:
        models: Name to Keras classifier or `.tflite` file, open or not, or to
            what `keras_mobilevit.open_model` returned; all of one input size
            and the same classes. The first is the reference. Each worker
            opens its own copy of a file.
        source: Folder or tar of `<class>/<picture>`, or of pictures that are
            in no folder and so have no labels.
        labels: Class names in the order of the outputs, of a single score
            both, the class that it is the score of second; none if the models
            are only to be compared with each other.
        image: How pictures are cropped, and the order and scale of the
            channels of Keras models that do not come from `open_model`. By
            default as the models and files say, which must agree.
        scaling: How Keras models expect their pixels to be scaled, where
            their first layers do not tell it, as in
            `keras_mobilevit.tflite.export_tflite`: of all of them, or by
            their names. Files tell it themselves.
        problem_type: What the outputs answer, where the models do not tell
            it, as in `keras_mobilevit.tflite.export_tflite`.
        targets: The right answers of several labels or of values, a CSV file
            as `keras_mobilevit.tflite.evaluation.targets.read_targets` reads
            it. Without one, the folder of a picture names its only label.
        limit: Evaluate only so many pictures, spread evenly.
        workers: Threads that read pictures and run `.tflite` files; Keras
            spreads its batches by itself. The results are the same for any.

    Returns:
        One `Evaluation` a model; a `MultiLabelEvaluation` of models for
        several labels, a `RegressionEvaluation` of those that give values.

    Raises:
        FileNotFoundError: If a file or the source does not exist.
        ValueError: If the models differ in size, classes or preprocessing, a
            folder is named after no label, no picture can be read, an
            argument is out of its range, or it is not known how a Keras model
            expects its pixels to be scaled.

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
    opened = {name: _opened(model, image) for name, model in models.items()}
    # Of a Keras model by itself, nothing is known but what the caller says.
    known = {
        name: image
        if isinstance(model, keras.Model)
        else opened[name].info.image
        for name, model in models.items()
    }
    image = image or common_image(opened)
    names = list_files(source, limit)
    # Threads, because Pillow and LiteRT release the interpreter's lock, and
    # because a process would first have to import Keras.
    with ThreadPoolExecutor(workers) as pool:
        runners = {
            name: make_runner(
                opened[name].model,
                workers,
                known[name],
                scaling.get(name) if isinstance(scaling, Mapping) else scaling,
            )
            for name in models
        }
        formats = {
            name: dataclasses.replace(
                runner.scores,
                problem_type=problem_type or runner.scores.problem_type,
            )
            for name, runner in runners.items()
        }
        problem_type = _common_problem(formats)
        labels, classes = right_answers(
            names, labels, source, targets, problem_type
        )
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
            _check_classes(outputs, labels, formats)

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
    if problem_type == "regression":
        return {
            name: measure_values(outputs[reference], output, truth, skipped)
            for name, output in outputs.items()
        }
    measure = measure_labels if problem_type == "multi_label" else _measure
    return {
        name: measure(
            (outputs[reference], formats[reference]),
            (output, formats[name]),
            truth,
            skipped,
        )
        for name, output in outputs.items()
    }


def _common_problem(formats):
    """What all models answer; `"single_label"` for one score of two, too."""
    problems = {
        name: "single_label"
        if scores.problem_type in (None, "binary")
        else scores.problem_type
        for name, scores in formats.items()
    }
    if len(set(problems.values())) > 1:
        raise ValueError(
            "All models must answer the same, or `problem_type` must be given. "
            f"Received: {problems}"
        )
    return next(iter(problems.values()))


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


def _chunks(source, names):
    """Pictures in lists of `_CHUNK`, with one progress bar over them all."""
    pictures = iter(
        progress_bar(
            read_files(source, names),
            total=len(names),
            desc="evaluating",
        )
    )
    while chunk := list(itertools.islice(pictures, _CHUNK)):
        yield chunk


def _check_classes(outputs, labels, formats):
    shapes = {name: np.shape(parts[-1]) for name, parts in outputs.items()}
    for name, scores in formats.items():
        # One score of two classes.
        if scores.problem_type == "binary" and shapes[name] == (1,):
            shapes[name] = (2,)
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
    """Compares two models, each `(outputs, how to read them)`."""
    given = reference, output
    pair = [_of_two_classes(*outputs) for outputs in given]
    (reference, _), (output, kind) = pair
    logits = [
        to_logits(values, kind, scores.step)
        for (values, kind), (_, scores) in zip(pair, given, strict=True)
    ]
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


def _of_two_classes(outputs, scores):
    """Scores of all classes, of both where there is one score."""
    if outputs.shape[1] == 1:
        return as_two_classes(outputs, scores.kind)
    return outputs, scores.kind


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
