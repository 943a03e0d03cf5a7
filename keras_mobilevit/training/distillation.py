"""Teachers: other classifiers, whose answers go into the targets."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import keras
import numpy as np

from keras_mobilevit.checkpoints import read_info, verify_keras_file
from keras_mobilevit.class_scores import to_probabilities
from keras_mobilevit.images import arrange_channels
from keras_mobilevit.input_scaling import resolve_scaling
from keras_mobilevit.machine import usable_cores
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.output_kind import output_kind

Teacher = Callable[[np.ndarray], np.ndarray]


def load_teacher(path: str | os.PathLike, classes: int) -> Teacher:
    """Loads a classifier.

    Args:
        path: A `.keras` or `.tflite` file. How its pixels are scaled, the
            first layers of a `.keras` file tell, or its description, as
            `keras_mobilevit.checkpoints.add_info` writes it.
        classes: Number of classes that it has to tell apart.

    Returns:
        Function of float32 images `(n, height, width, 3)`, RGB in [0, 255],
        to float32 probabilities `(n, classes)`. It resizes the images if the
        classifier takes one size only.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a classifier of that many classes, or it is
            not known how it expects its pixels to be scaled.
        ImportError: If the runtime for `.tflite` files is missing.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no teacher at {path}.")
    if path.suffix not in _LOADERS:
        raise ValueError(
            f"A teacher is a {' or '.join(_LOADERS)} file. Received: {path}"
        )
    predict, input_shape, output_shape, kind, image = _LOADERS[path.suffix](
        path
    )
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
        images = _resize(images, input_shape[:2])
        outputs = predict(arrange_channels(images, image))
        outputs = np.asarray(outputs, np.float32)
        probabilities = to_probabilities(outputs, kind).astype(np.float32)
        # Rounded to int8, many small ones lack or add a part of their sum.
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    return teach


# === Kinds of files: a function, the shapes of its image and its answer,
# whether that is logits or probabilities, and how it expects its image ===


def _load_keras(path):
    try:
        verify_keras_file(path)
        model = keras.saving.load_model(path, compile=False)
    # What the constructors of layers raise, in the end.
    except Exception as error:
        raise ValueError(
            f"Expected a model saved by Keras at {path}. Received one that "
            f"it can not load ({error})."
        ) from error
    shapes = []
    for side in ("inputs", "outputs"):
        tensors = getattr(model, side, None) or ()
        shapes.append(tuple(tensors[0].shape[1:]) if len(tensors) == 1 else ())
    if tuple(map(len, shapes)) != (3, 1):
        kind = output_kind(model)
        return model.predict_on_batch, *shapes, kind, ImageSpec()
    info = read_info(path)
    scaling = resolve_scaling(model, info and info.image)

    def predict(images):
        return model.predict_on_batch(scaling.apply(images))

    image = info.image if info else ImageSpec()
    return predict, *shapes, output_kind(model), image


def _load_tflite(path):
    from keras_mobilevit.tflite.runtime import ImageModel

    model = ImageModel(path, num_threads=usable_cores())

    def predict(images):
        return np.stack([model.predict(image) for image in images])

    output = model.predict(np.zeros(model.shape, np.float32))
    shape = () if isinstance(output, dict) else output.shape
    return predict, model.shape, shape, model.scores.kind, model.info.image


_LOADERS = {".keras": _load_keras, ".tflite": _load_tflite}


# === Images ===


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
