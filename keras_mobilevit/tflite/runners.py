"""Keras models and `.tflite` files alike: pictures in, outputs out."""

from __future__ import annotations

import functools
import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.pixel_scaling import PixelScaling
from keras_mobilevit.problem_types import ScoreFormat
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras


def make_runner(
    model: keras.Model | ImageModel | str | os.PathLike,
    workers: int = 1,
    image: ImageSpec | None = None,
    scaling: str | PixelScaling | None = None,
) -> KerasRunner | FileRunner:
    """Returns what runs a model.

    Args:
        model: Keras model, or a `.tflite` file, open or not.
        workers: As in `FileRunner`.
        image: What is known of the input of a Keras model, as in
            `keras_mobilevit.input_scaling.resolve_scaling`; a file says
            itself how its pixels are scaled.
        scaling: As in `resolve_scaling`, of a Keras model.
    """
    if isinstance(model, (ImageModel, str, os.PathLike)):
        return FileRunner(model, workers)
    return KerasRunner(model, image, scaling)


class KerasRunner:
    """A Keras model, which takes its pictures in batches.

    Args:
        model: The model.
        image: As in `make_runner`.
        scaling: As in `make_runner`.

    Attributes:
        size: `(height, width)` of the input; `None` for a side of any size.
        channels: Channels of the input.
        output_shape: As of the model.
        scores: How to read the output of a classifier, as its last layer
            tells.
    """

    def __init__(
        self,
        model: keras.Model,
        image: ImageSpec | None = None,
        scaling: str | PixelScaling | None = None,
    ):
        from keras_mobilevit.output_kind import output_scores

        shape = model.input_shape
        if not isinstance(shape, tuple) or len(shape) != 4:
            raise ValueError(
                "Expected a Keras model with one picture as its input, "
                f"(height, width, channels). Received inputs of {shape}"
            )
        self._model = model
        self._known = image, scaling
        *self.size, self.channels = shape[1:]
        self.size = tuple(self.size)
        self.output_shape = model.output_shape
        self.scores = output_scores(model)

    @functools.cached_property
    def _scaling(self) -> PixelScaling:
        # After the checks of those that know what the model is for.
        from keras_mobilevit.input_scaling import resolve_scaling

        return resolve_scaling(self._model, *self._known)

    def run(self, images: np.ndarray) -> Iterable[Any]:
        """Gives the output for each picture of a batch.

        Args:
            images: `(n, height, width, channels)`, pixels in [0, 255].

        Raises:
            ValueError: If it is not known how the model expects them to be
                scaled.
        """
        return self._model.predict_on_batch(self._scaling.apply(images))


class FileRunner:
    """A `.tflite` file, of which each thread needs its own interpreter.

    Args:
        model: The file. Each worker opens its own copy; a file that is open
            already serves the first of them.
        workers: Threads, from 1.

    Attributes:
        size: `(height, width)` of the input, in pixels.
    """

    def __init__(self, model: ImageModel | str | os.PathLike, workers: int = 1):
        if isinstance(model, (str, os.PathLike)):
            copies = [ImageModel(model) for _ in range(workers)]
        else:
            copies = [model, *(model.reopen() for _ in range(workers - 1))]
        self.size = copies[0].size
        self._copies = copies
        self._free = queue.SimpleQueue()
        for copy in copies:
            self._free.put(copy)

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self._copies[0].shape[2]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""
        return self._copies[0].output_names

    @property
    def info(self) -> ModelInfo:
        """What the file says of itself."""
        return self._copies[0].info

    @property
    def scores(self) -> ScoreFormat:
        """How to read the output of a classifier."""
        return self._copies[0].scores

    def run(self, images: Iterable[np.ndarray]) -> Iterator[Any]:
        """Yields the output for each picture, as `ImageModel.predict` does.

        Args:
            images: `(height, width, channels)` each, pixels in [0, 255].
        """
        # Threads that end with the last picture: nobody has to close them.
        with ThreadPoolExecutor(len(self._copies)) as pool:
            yield from pool.map(self._predict, images)

    def _predict(self, image):
        model = self._free.get()
        try:
            return model.predict(image)
        finally:
            self._free.put(model)
