"""From a Keras model to a finished `.tflite` file on disk."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np

from keras_mobilevit.files import atomic_write
from keras_mobilevit.tflite.calibration import check_images
from keras_mobilevit.tflite.conversion import convert, exported_shape
from keras_mobilevit.tflite.metadata import Metadata, append_metadata
from keras_mobilevit.tflite.quantization import quantize
from keras_mobilevit.tflite.recipes import RECIPES, Recipe
from keras_mobilevit.version import __version__


def export_tflite(
    model: keras.Model,
    path: str | os.PathLike,
    recipe: str | Recipe = "int8",
    *,
    size: tuple[int, int] | None = None,
    calibration: Iterable[np.ndarray] | None = None,
    labels: Sequence[str] = (),
    crop_fraction: float = 1.0,
    native_size: int = 0,
) -> pathlib.Path:
    """Exports a model for phones: deploy form, fixed shape, one partition.

    The file takes one float32 picture `(1, height, width, channels)`, RGB in
    [0, 255], and gives float32 outputs, whatever the recipe.

    Args:
        model: Model of this package, or one that contains its blocks.
        path: File to write, ending in `.tflite`.
        recipe: `"float32"`, `"float16"`, `"int8"`, or a `Recipe`.
        size: `(height, width)`; needed where the model's own are dynamic.
        calibration: Images for `"int8"`: arrays `(height, width, channels)`
            of the exported size, pixels in [0, 255]; about a hundred.
        labels: Class names in the order of the outputs, kept in the file.
        crop_fraction: Kept in the file; see
            `keras_mobilevit.images.load_image`.
        native_size: Likewise.

    Returns:
        `path`. It appears when it is complete, or not at all.

    Raises:
        ValueError: If an argument does not fit the model.
        ImportError: If the `tflite` extra is not installed.
    """
    (path,) = export_recipes(
        model,
        {path: recipe},
        size=size,
        calibration=calibration,
        labels=labels,
        crop_fraction=crop_fraction,
        native_size=native_size,
    )
    return path


def export_recipes(
    model: keras.Model,
    targets: Mapping[str | os.PathLike, str | Recipe],
    *,
    size: tuple[int, int] | None = None,
    calibration: Iterable[np.ndarray] | None = None,
    labels: Sequence[str] = (),
    crop_fraction: float = 1.0,
    native_size: int = 0,
) -> list[pathlib.Path]:
    """Exports a model by several recipes, out of one conversion.

    Args:
        model: As in `export_tflite`.
        targets: File to write -> recipe to write it by.
        size: As in `export_tflite`.
        calibration: As in `export_tflite`.
        labels: As in `export_tflite`.
        crop_fraction: As in `export_tflite`.
        native_size: As in `export_tflite`.

    Returns:
        The files, in the order of `targets`.

    Raises:
        ValueError: If an argument does not fit the model.
        ImportError: If the `tflite` extra is not installed.
    """
    targets = {
        _checked_path(path): _checked_recipe(recipe, calibration)
        for path, recipe in targets.items()
    }
    outputs = model.output_shape[-1] if len(model.outputs) == 1 else None
    if labels and len(labels) != outputs:
        raise ValueError(
            f"The model has {outputs} outputs. Received: {len(labels)} labels"
        )
    if calibration is not None:
        calibration = check_images(calibration, exported_shape(model, size))
    float_model = convert(model, size)
    for path, recipe in targets.items():
        data, images = quantize(float_model, recipe, calibration)
        metadata = Metadata(
            model=model.name,
            recipe=recipe.name,
            labels=tuple(labels),
            crop_fraction=crop_fraction,
            native_size=native_size,
            calibration_images=images,
            version=__version__,
        )
        atomic_write(path, append_metadata(data, metadata))
    return list(targets)


def _checked_path(path):
    path = pathlib.Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"`path` must end in .tflite. Received: path={path}")
    return path


def _checked_recipe(recipe, calibration):
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise ValueError(
                f"`recipe` must be one of {list(RECIPES)}. Received: "
                f"recipe={recipe}"
            )
        recipe = RECIPES[recipe]()
    if recipe.static_int8 and calibration is None:
        raise ValueError(
            f"The recipe {recipe.name!r} needs calibration images."
        )
    return recipe
