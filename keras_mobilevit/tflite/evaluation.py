"""Accuracy of Keras models and `.tflite` files, through one preprocessing."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from tqdm import tqdm

from keras_mobilevit.images import count_files, iterate_files, load_image
from keras_mobilevit.tflite.runtime import ImageModel

_CHUNK = 256


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How one model did on labelled pictures.

    Attributes:
        images: Number of pictures.
        top1: Share whose most probable class is the label.
        agreement: Share on which it agrees with the first model.
        sqnr: Signal to quantization noise against the first model, in dB,
            over the logarithms of all probabilities; infinite for the first.
    """

    images: int
    top1: float
    agreement: float
    sqnr: float


def evaluate(
    models: Mapping[str, keras.Model | ImageModel],
    source: str | os.PathLike,
    labels: Sequence[str],
    *,
    crop_fraction: float = 1.0,
    native_size: int = 0,
    limit: int | None = None,
) -> dict[str, Evaluation]:
    """Classifies a labelled folder with several models.

    Args:
        models: Name to Keras classifier or opened file; all of one input
            size and with probabilities as outputs. The first is the
            reference.
        source: Folder or tar of `<class>/<picture>`.
        labels: Class names in the order of the outputs.
        crop_fraction: As in `keras_mobilevit.images.load_image`.
        native_size: Likewise.
        limit: Evaluate only so many pictures, spread evenly.

    Returns:
        One `Evaluation` a model.

    Raises:
        ValueError: If the sizes differ, or a folder is named after no label.
    """
    sizes = {name: _size(model) for name, model in models.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(
            f"All models must have one input size. Received: {sizes}"
        )
    (first, *_), (size, *_) = models, sizes.values()
    index = {label: i for i, label in enumerate(labels)}
    outputs = {name: [] for name in models}
    truth = []
    for files in _chunks(source, limit):
        unknown = {file.label for file in files} - set(index)
        if unknown:
            raise ValueError(
                f"Folders of {source} must be named after the classes "
                f"{list(labels)[:5]}... Received: {sorted(unknown)[:5]}"
            )
        truth.extend(index[file.label] for file in files)
        images = np.stack(
            [
                load_image(file.data, size, crop_fraction, native_size)
                for file in files
            ]
        )
        for name, model in models.items():
            outputs[name].append(_predict(model, images))

    truth = np.array(truth)
    outputs = {name: np.concatenate(parts) for name, parts in outputs.items()}
    reference = outputs[first]
    return {
        name: Evaluation(
            images=len(truth),
            top1=float(np.mean(output.argmax(1) == truth)),
            agreement=float(np.mean(output.argmax(1) == reference.argmax(1))),
            sqnr=_sqnr(reference, output),
        )
        for name, output in outputs.items()
    }


def _chunks(source, limit):
    """Pictures in lists of `_CHUNK`, with one progress bar over them all."""
    bar = tqdm(
        iterate_files(source, limit),
        total=count_files(source, limit),
        desc="evaluating",
        disable=None,
    )
    pictures = iter(bar)
    while chunk := list(itertools.islice(pictures, _CHUNK)):
        yield chunk


def _size(model):
    if isinstance(model, ImageModel):
        return model.size
    return tuple(model.input_shape[1:3])


def _predict(model, images):
    if isinstance(model, ImageModel):
        return np.stack([model.predict(image) for image in images])
    return model.predict(images.astype(np.float32), verbose=0)


def _sqnr(reference, output):
    """Over log-probabilities less their mean, that is, over the logits."""
    smallest = np.finfo(np.float32).tiny
    reference, output = (
        np.log(np.maximum(x.astype(np.float64), smallest))
        for x in (reference, output)
    )
    reference = reference - reference.mean(axis=1, keepdims=True)
    output = output - output.mean(axis=1, keepdims=True)
    noise = np.sum((output - reference) ** 2)
    if noise == 0:
        return math.inf
    return float(10 * np.log10(np.sum(reference**2) / noise))
