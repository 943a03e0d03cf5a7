"""Teachers: other classifiers, whose answers go into the targets."""

from __future__ import annotations

import os
import pathlib
import zipfile
from collections.abc import Callable

import keras
import numpy as np

from keras_mobilevit.machine import usable_cores

Teacher = Callable[[np.ndarray], np.ndarray]


def load_teacher(path: str | os.PathLike, classes: int) -> Teacher:
    """Loads a classifier that takes pixels in [0, 255].

    Args:
        path: A `.keras` or `.tflite` file.
        classes: Number of classes that it has to tell apart.

    Returns:
        Function of float32 images `(n, height, width, 3)`, RGB in [0, 255],
        to float32 probabilities `(n, classes)`. It resizes the images if the
        classifier takes one size only.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a classifier of that many classes.
        ImportError: If the runtime for `.tflite` files is missing.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no teacher at {path}.")
    if path.suffix not in _LOADERS:
        raise ValueError(
            f"A teacher is a {' or '.join(_LOADERS)} file. Received: {path}"
        )
    predict, input_shape, output_shape = _LOADERS[path.suffix](path)
    if len(input_shape) != 3 or input_shape[2] != 3 or len(output_shape) != 1:
        raise ValueError(
            "A teacher takes images (height, width, 3) and gives one number a "
            f"class. Received one that takes {input_shape} and gives "
            f"{output_shape}: {path}"
        )
    if output_shape != (classes,):
        raise ValueError(
            f"The teacher has to tell apart the same {classes} classes. "
            f"Received one of {output_shape[0]} classes: {path}"
        )

    def teach(images: np.ndarray) -> np.ndarray:
        outputs = predict(_resize(images, input_shape[:2]))
        return _to_probabilities(np.asarray(outputs, np.float32))

    return teach


# === Kinds of files: a function, its image's shape and its answer's shape ===


def _load_keras(path):
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Expected a model saved by Keras at {path}. Received one that "
            f"it can not load ({error})."
        ) from error
    shapes = []
    for side in ("inputs", "outputs"):
        tensors = getattr(model, side, None) or ()
        shapes.append(tuple(tensors[0].shape[1:]) if len(tensors) == 1 else ())
    return model.predict_on_batch, *shapes


def _load_tflite(path):
    from keras_mobilevit.tflite.runtime import ImageModel

    model = ImageModel(path, num_threads=usable_cores())

    def predict(images):
        return np.stack([model.predict(image) for image in images])

    output = model.predict(np.zeros(model.shape, np.float32))
    shape = () if isinstance(output, dict) else output.shape
    return predict, model.shape, shape


_LOADERS = {".keras": _load_keras, ".tflite": _load_tflite}


# === Images in, probabilities out ===


def _resize(images, size):
    """Images of `size`, of which a side may be None for any."""
    size = tuple(
        side or own for side, own in zip(size, images.shape[1:3], strict=True)
    )
    if size == images.shape[1:3]:
        return images
    resized = keras.ops.image.resize(
        images,
        size,
        interpolation="bilinear",
        antialias=True,
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(resized)


def _to_probabilities(outputs):
    """Probabilities of either probabilities or logits `(n, classes)`."""
    # Rounded to int8, many small probabilities can lack or add a good part of
    # their sum; logits of a whole batch do not look so all the same.
    sums = outputs.sum(axis=1)
    if outputs.min() >= 0 and (0.5 <= sums).all() and (sums <= 1.5).all():
        return outputs / sums[:, None]
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
