"""Export by a recipe that is searched for, to a wanted accuracy."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import keras
import numpy as np

from keras_mobilevit.images import iterate_files, load_image
from keras_mobilevit.tflite.conversion import convert, exported_shape
from keras_mobilevit.tflite.export import (
    checked_path,
    describe,
    write_quantized,
)
from keras_mobilevit.tflite.quantization.calibration import calibrate
from keras_mobilevit.tflite.quantization.calibration_set import (
    Source,
    calibration_set,
)
from keras_mobilevit.tflite.quantization.recipes import Recipe, find_recipe
from keras_mobilevit.tflite.search.layers import (
    SearchStep,
    accuracy_scorer,
    rank_layers,
    search_recipe,
    sqnr_scorer,
)

# Labelled pictures that a candidate is scored on.
_SCORED_IMAGES = 1000


def export_searched(
    model: keras.Model,
    path: str | os.PathLike,
    recipe: str | os.PathLike | Recipe = "int8",
    *,
    target_sqnr: float | None = None,
    max_drop: float | None = None,
    labelled: str | os.PathLike | None = None,
    size: tuple[int, int] | None = None,
    calibration: Source,
    calibration_images: int = 100,
    seed: int = 0,
    labels: Sequence[str] = (),
    crop_fraction: float = 1.0,
    native_size: int = 0,
) -> tuple[pathlib.Path, Recipe, list[SearchStep]]:
    """Exports with as many layers in int8 as an accuracy allows.

    Args:
        model: As in `export_tflite`.
        path: As in `export_tflite`.
        recipe: To begin from, with int8 activations.
        target_sqnr: Signal to quantization noise in dB that the outputs must
            reach, on images of `calibration` that do not calibrate.
        max_drop: Instead: points of top-1 accuracy that may be lost.
        labelled: For `max_drop`: folder or tar of `<label>/<picture>`; a
            thousand of them are used.
        size: As in `export_tflite`.
        calibration: As in `export_tflite`.
        calibration_images: As in `export_tflite`; as many again rank layers.
        seed: As in `export_tflite`.
        labels: As in `export_tflite`.
        crop_fraction: As in `export_tflite`.
        native_size: As in `export_tflite`.

    Returns:
        `(path, recipe, steps)`: the file, the recipe that was found, and what
        was tried on the way.

    Raises:
        ValueError: If an argument does not fit, or nothing reaches the
            target.
        FileNotFoundError: If the recipe or the images are not there.
    """
    path, recipe = checked_path(path), find_recipe(recipe)
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
    metadata = describe(model, labels, crop_fraction, native_size)
    shape = exported_shape(model, size)
    preprocessing = {
        "crop_fraction": crop_fraction,
        "native_size": native_size,
    }
    drawing = {"seed": seed, **preprocessing}
    # What `export_tflite` would draw: the recipe gives the same file there.
    drawn = calibration_set(
        calibration, shape, count=calibration_images, **drawing
    )
    more = calibration_set(
        calibration, shape, count=2 * calibration_images, **drawing
    )
    others = _without(more.images, drawn.images)[:calibration_images]
    float_model = convert(model, size)
    statistics = calibrate(float_model, drawn.images, recipe.coverage)
    if target_sqnr is not None:
        score, target = sqnr_scorer(float_model, others), target_sqnr
    else:
        score = accuracy_scorer(
            *_labelled_images(labelled, shape[:2], labels, **preprocessing)
        )
        target = score(float_model) - max_drop
    layers = rank_layers(float_model, recipe, statistics, others)
    recipe, steps = search_recipe(
        float_model, recipe, statistics, layers, score, target
    )
    metadata = dataclasses.replace(metadata, calibration_seed=drawn.seed)
    write_quantized(path, float_model, recipe, metadata, statistics)
    return path, recipe, steps


def _without(images, used):
    used = {image.tobytes() for image in used}
    others = [image for image in images if image.tobytes() not in used]
    if not others:
        raise ValueError(
            "A search scores on other images than those that calibrate. "
            f"Received: {len(used)} images, all of which calibrate. Give "
            "more, or set `calibration_images` to half as many."
        )
    return others


def _labelled_images(source, size, labels, **preprocessing):
    if source is None or not labels:
        raise ValueError(
            "`max_drop` needs `labelled` pictures and the `labels` of the "
            "outputs."
        )
    index = {label: i for i, label in enumerate(labels)}
    images, truth = [], []
    for file in iterate_files(source, _SCORED_IMAGES):
        if file.label not in index:
            raise ValueError(
                f"Folders of {source} must be named after the classes "
                f"{list(labels)[:5]}... Received: {file.label!r}"
            )
        images.append(load_image(file.data, size, **preprocessing))
        truth.append(index[file.label])
    return np.stack(images), truth
