"""Keras models and `.tflite` files alike: pictures in, outputs out."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras


def make_runner(
    model: keras.Model | ImageModel | str | os.PathLike, workers: int = 1
) -> KerasRunner | FileRunner:
    """Returns what runs a model.

    Args:
        model: Keras model, or a `.tflite` file, open or not.
        workers: As in `FileRunner`.
    """
    if isinstance(model, (ImageModel, str, os.PathLike)):
        return FileRunner(model, workers)
    return KerasRunner(model)


class KerasRunner:
    """A Keras model, which takes its pictures in batches.

    Attributes:
        size: `(height, width)` of the input; `None` for a side of any size.
        output_shape: As of the model.
        kind: As `keras_mobilevit.output_kind.output_kind` gives it.
    """

    def __init__(self, model: keras.Model):
        from keras_mobilevit.output_kind import output_kind

        self._model = model
        self.size = tuple(model.input_shape[1:3])
        self.output_shape = model.output_shape
        self.kind = output_kind(model)

    def run(self, images: np.ndarray) -> Iterable[Any]:
        """Gives the output for each picture of a batch.

        Args:
            images: `(n, height, width, channels)`, pixels in [0, 255].
        """
        return self._model.predict_on_batch(images.astype(np.float32))


class FileRunner:
    """A `.tflite` file, of which each thread needs its own interpreter.

    Args:
        model: The file. Of a path each worker opens its own copy; a file that
            is open already serves one worker.
        workers: Threads, from 1.

    Attributes:
        size: `(height, width)` of the input, in pixels.
    """

    def __init__(self, model: ImageModel | str | os.PathLike, workers: int = 1):
        copies = [model]
        if not isinstance(model, ImageModel):
            copies = [ImageModel(model) for _ in range(workers)]
        self.size = copies[0].size
        self._copies = copies
        self._free = queue.SimpleQueue()
        for copy in copies:
            self._free.put(copy)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""
        return self._copies[0].output_names

    @property
    def info(self) -> ModelInfo:
        """What the file says of itself."""
        return self._copies[0].info

    @property
    def kind(self) -> str | None:
        """What the output is, as `OutputSpec` has it."""
        return self.info.output.kind

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
