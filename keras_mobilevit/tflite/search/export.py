"""Export by a recipe that is searched for, to a wanted accuracy."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from typing import Any

import keras
import numpy as np

from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.image_folders import (
    label_of,
    list_files,
    load_readable,
    read_files,
    take_evenly,
)
from keras_mobilevit.images import load_input
from keras_mobilevit.renamed import takes_old_names
from keras_mobilevit.text_formatting import abbreviate
from keras_mobilevit.tflite.accuracy_guard import guard_accuracy
from keras_mobilevit.tflite.conversion import convert_parsed, exported_shape
from keras_mobilevit.tflite.export import checked_path, write_verified
from keras_mobilevit.tflite.exportable import as_functional
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.quantization.prepare import prepare
from keras_mobilevit.tflite.quantization.recipes import Recipe, find_recipe
from keras_mobilevit.tflite.quantization.unmatched_layers import (
    warn_of_unmatched_layers,
)
from keras_mobilevit.tflite.scoring import accuracy_scorer, sqnr_scorer
from keras_mobilevit.tflite.search.layer_ranking import (
    SearchStep,
    file_scorer,
    rank_layers,
    search_recipe,
)
from keras_mobilevit.tflite.verification import quantize_verified

# Labelled pictures that a candidate is scored on.
_SCORED_IMAGES = 1000


@takes_image_arguments("info")
@takes_old_names
def export_searched(
    model: keras.Model,
    path: str | os.PathLike,
    recipe: str | os.PathLike | Recipe = "int8",
    *,
    target_sqnr: float | None = None,
    max_drop: float | None = None,
    labelled: str | os.PathLike | None = None,
    **options: Any,
) -> tuple[pathlib.Path, Recipe, list[SearchStep]]:
    """Exports with as many layers in int8 as an accuracy allows.

    Args:
        model: As in `export_tflite`.
        path: As in `export_tflite`.
        recipe: To begin from, with int8 activations.
        target_sqnr: Signal to quantization noise in dB that the outputs must
            reach, on images of `calibration` that neither calibrate nor are
            reserved. If it is less than `min_sqnr`, it takes its place.
        max_drop: Instead: points of top-1 accuracy that may be lost.
        labelled: For `max_drop`: folder or tar of `<label>/<picture>`; a
            thousand of them are used.
        **options: Keyword-only arguments of `export_tflite`; `calibration`
            is needed. As many images are drawn once more, to rank the layers;
            the finished file is verified on the reserved ones.

    Returns:
        `(path, recipe, steps)`: the file, the recipe that was found, and what
        was tried on the way.

    Raises:
        ValueError: If an argument does not fit, or nothing reaches the
            target.
        FileNotFoundError: If the recipe or the images are not there.

    Warns:
        UserWarning: As `export_tflite` does, and of labelled pictures that
            can not be read, which are left out.

    Example:
        >>> import keras
        >>> from keras_mobilevit import tflite
        >>> model = keras.models.load_model("classifier.keras")
        >>> path, recipe, steps = tflite.export_searched(
        ...     model,
        ...     "searched.tflite",
        ...     calibration="photos",
        ...     calibration_images=20,
        ...     target_sqnr=15.0,
        ... )
        >>> recipe.weights
        'int8'
    """
    options = ExportOptions(**options)
    path = checked_path(path)
    recipe = find_recipe(recipe, options.architecture)
    if (target_sqnr is None) == (max_drop is None):
        raise ValueError(
            "Give either `target_sqnr` or `max_drop`. Received: target_sqnr="
            f"{target_sqnr}, max_drop={max_drop}"
        )
    if not recipe.needs_calibration:
        raise ValueError(
            "A search needs a recipe with int8 activations. Received: "
            f"recipe={recipe.name!r}"
        )
    model = as_functional(model, options.size)
    output_head = options.find_output_head(model)
    if max_drop is not None and output_head.task != "classification":
        raise ValueError(
            "`max_drop` counts right answers of a classifier: use "
            f"`target_sqnr` for {output_head.task}."
        )
    if max_drop is not None:
        _check_counts_answers(options.problem_type_of(model))
    network, recipe = options.prepare(model), output_head.adapt(recipe)
    metadata = options.describe(model)
    if max_drop is not None:
        # First of all: what is wrong with them should not show minutes later.
        shape = exported_shape(model, options.size)
        scored = _labelled_images(
            labelled, shape, options.labels, metadata.image
        )
    # What `export_tflite` would draw: the recipe gives the same file there.
    drawn = options.draw_images(model)
    count = options.calibration_images
    more = dataclasses.replace(options, calibration_images=2 * count)
    others = take_evenly(_without(more.draw_images(model), drawn), count)
    source = convert_parsed(network, options.size)
    warn_of_unmatched_layers(recipe, source.model)
    prepared = prepare(source, recipe, drawn.images)
    source, statistics = prepared.file, prepared.calibration
    recipe = guard_accuracy(
        *(source, recipe, statistics, drawn.images, options.compat),
        options.problem_type,
    ).recipe
    closeness = sqnr_scorer(source.data, others, options.problem_type)
    if target_sqnr is not None:
        score, target = closeness, target_sqnr
    else:
        score = accuracy_scorer(*scored)
        target = score(source.data) - max_drop
    layers = rank_layers(
        source, recipe, statistics, others, file_scorer(closeness)
    )
    recipe, steps = search_recipe(
        source, recipe, statistics, layers, file_scorer(score), target
    )
    if target_sqnr is not None and options.min_sqnr:
        # What was asked for is enough.
        least = max(min(options.min_sqnr, target_sqnr), 0)
        options = dataclasses.replace(options, min_sqnr=least)
    # The accuracy guard looks again: where less noise is left, what a field
    # costs counts for more.
    verified = quantize_verified(prepared, recipe, drawn, output_head, options)
    write_verified(path, verified, drawn, metadata, output_head)
    return path, verified.recipe, steps


def _check_counts_answers(problem_type):
    if problem_type in ("multi_label", "regression"):
        raise ValueError(
            "`max_drop` counts right answers of a classifier with one label a "
            "picture: use `target_sqnr` for others. Received: a model of "
            f"problem_type={problem_type!r}"
        )


def _without(more, drawn):
    used = {image.tobytes() for image in (*drawn.images, *drawn.reserved)}
    others = [
        image
        for image in (*more.images, *more.reserved)
        if image.tobytes() not in used
    ]
    if not others:
        raise ValueError(
            "A search scores on other images than those that calibrate. "
            f"Received: {len(used)} images, all of which calibrate or are "
            "reserved. Give more, or set `calibration_images` to half as many."
        )
    return others


def _labelled_images(source, shape, labels, spec):
    if source is None or not labels:
        raise ValueError(
            "`max_drop` needs `labelled` pictures and the `labels` of the "
            "outputs."
        )
    index = {label: i for i, label in enumerate(labels)}
    names = list_files(source, _SCORED_IMAGES)
    if unknown := sorted({label_of(name) for name in names} - index.keys()):
        raise ValueError(
            f"Folders of {source} must be named after the classes "
            f"{list(labels)[:5]}... Received: {abbreviate(unknown)}"
        )
    load = functools.partial(
        load_input, size=shape[:2], spec=spec, channels=shape[2]
    )
    images, truth = [], []
    for file, image in load_readable(read_files(source, names), load):
        images.append(image)
        truth.append(index[file.label])
    return np.stack(images), truth
