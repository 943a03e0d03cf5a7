"""From a Keras model to a finished `.tflite` file on disk."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Sequence

import keras
import numpy as np

from keras_mobilevit.files import atomic_write
from keras_mobilevit.tflite.conversion import convert
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

    Returns:
        `path`. It appears when it is complete, or not at all.

    Raises:
        ValueError: If an argument does not fit the model.
        ImportError: If the `tflite` extra is not installed.
    """
    path = pathlib.Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"`path` must end in .tflite. Received: path={path}")
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
    outputs = model.output_shape[-1]
    if labels and len(labels) != outputs:
        raise ValueError(
            f"The model has {outputs} outputs. Received: {len(labels)} labels"
        )
    data, images = quantize(convert(model, size), recipe, calibration)
    metadata = Metadata(
        model=model.name,
        recipe=recipe.name,
        labels=tuple(labels),
        crop_fraction=crop_fraction,
        calibration_images=images,
        version=__version__,
    )
    atomic_write(path, append_metadata(data, metadata))
    return path
