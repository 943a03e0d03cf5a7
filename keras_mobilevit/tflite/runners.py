"""Keras models and `.tflite` files alike: pictures in, outputs out."""

from __future__ import annotations

import dataclasses
import functools
import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_mobilevit.images import arrange_channels
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
        image: Order of the channels and scale that the model expects; by
            default what a file says itself, and of a Keras model RGB, scaled
            as its first layers tell.
        scaling: Of a Keras model, as in
            `keras_mobilevit.input_scaling.resolve_scaling`.
    """
    if isinstance(model, (ImageModel, str, os.PathLike)):
        return FileRunner(model, workers, image)
    return KerasRunner(model, image, scaling)


class _Runner:
    """What all models have in common; see `make_runner`."""

    def run_pictures(self, images: Iterable[np.ndarray]) -> Iterable[Any]:
        """Gives the output for each of some pictures.

        Args:
            images: `(height, width, 3)` each, RGB in [0, 255].

        Raises:
            ValueError: If the model takes no pictures, by its channels.
        """
        return self.run(
            np.stack(
                [arrange_channels(x, self.image, self.channels) for x in images]
            )
        )


class KerasRunner(_Runner):
    """A Keras model, which takes its pictures in batches.

    Args:
        model: The model.
        image: As in `make_runner`.
        scaling: As in `make_runner`.

    Attributes:
        image: As the argument.
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
        self.image = image or ImageSpec()
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
            images: `(n, height, width, channels)`, pixels in [0, 255] in the
                order of the model's channels.

        Raises:
            ValueError: If it is not known how the model expects them to be
                scaled.
        """
        return self._model.predict_on_batch(self._scaling.apply(images))


class FileRunner(_Runner):
    """A `.tflite` file, of which each thread needs its own interpreter.

    Args:
        model: The file. Each worker opens its own copy; a file that is open
            already serves the first of them.
        workers: Threads, from 1.
        image: As in `make_runner`.

    Attributes:
        size: `(height, width)` of the input, in pixels.
    """

    def __init__(
        self,
        model: ImageModel | str | os.PathLike,
        workers: int = 1,
        image: ImageSpec | None = None,
    ):
        is_open = isinstance(model, ImageModel)
        first = model if is_open else ImageModel(model)
        told_otherwise = image is not None and (
            _pixel_format(image) != _pixel_format(first.info.image)
        )
        # The caller's own stays as it is.
        copies = [] if told_otherwise else [first]
        while len(copies) < workers:
            copies.append(first.reopen() if is_open else ImageModel(model))
        if told_otherwise:
            for copy in copies:
                copy.info = dataclasses.replace(copy.info, image=image)
        self.size = copies[0].size
        self._copies = copies
        self._free = queue.SimpleQueue()
        for copy in copies:
            self._free.put(copy)

    @property
    def image(self) -> ImageSpec:
        """Order of the channels and scale that the file expects."""
        return self.info.image

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
            images: `(height, width, channels)` each, pixels in [0, 255] in
                the order of the file's channels.
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


def _pixel_format(image):
    return image.channel_order, image.scale, image.offset
