"""What detectors and networks for segmentation have in common."""

from __future__ import annotations

import abc
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from keras_mobilevit.images import load_whole
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.runners import KerasRunner, make_runner
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.images import ImageSource

# Rank of what Keras models of a task give.
RANKS = {"classification": 2, "detection": 3, "segmentation": 4}


class DensePredictor(abc.ABC):
    """What detectors and networks for segmentation have in common.

    Args:
        model: Keras model, or a `.tflite` file, open or not.
        info: What is known of it; by default what a file says of itself.
        size: `(height, width)`; needed where the model's own are dynamic.
        workers: Threads, and copies, of a file.

    Attributes:
        size: `(height, width)` of the model's input, in pixels.
        info: What is known of it.
        classes: Outputs of a Keras model for each place; `None` for a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the model is for another task, or of another size.
        ImportError: If the runtime is missing.
    """

    task: ClassVar[str]
    # Kinds of outputs that a file may have, as `OutputSpec` has them.
    kinds: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        model: keras.Model | ImageModel | str | os.PathLike,
        info: ModelInfo | None,
        size: tuple[int, int] | None,
        workers: int,
    ):
        if workers < 1:
            raise ValueError(
                f"`workers` must be 1 or more. Received: workers={workers}"
            )
        image = None if info is None else info.image
        self._runner = runner = make_runner(model, workers, image)
        if size is None and image is not None and None in runner.size:
            size = image.size
        self.size = fixed_size(runner.size, size)
        self.classes = None
        if isinstance(runner, KerasRunner):
            self.classes = _keras_outputs(runner.output_shape, self.task)
            self.info = info or ModelInfo(task=self.task)
            return
        self.info = info = info or runner.info
        if info.task != self.task or info.output.kind not in self.kinds:
            raise ValueError(
                f"Expected a .tflite file for {self.task} that this package "
                f"wrote, whose output is one of {sorted(self.kinds)}. "
                f"Received: {info.name}, for {info.task}, with the output "
                f"{info.output.kind}"
            )

    def predict(self, sources: Iterable[ImageSource]) -> list[Any]:
        """Gives the result for each of some pictures.

        Args:
            sources: Pictures, each as in `keras_mobilevit.images.open_image`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If one is not a picture, or there is none.
        """
        return self.predict_batch(*load_whole(sources, self.size))

    def predict_batch(
        self, images: np.ndarray, sizes: Sequence[tuple[int, int]]
    ) -> list[Any]:
        """As `predict`, for pictures that are read and resized.

        Args:
            images: uint8 `(n, *size, 3)`, RGB in [0, 255].
            sizes: `(height, width)` of each picture, in pixels.
        """
        # One by one: suppression takes memory by the square of candidates,
        # and logits at the size of a photo take a gigabyte.
        return [
            self._decode(output, picture_size)
            for output, picture_size in zip(
                self._runner.run_pictures(images), sizes, strict=True
            )
        ]

    @abc.abstractmethod
    def _decode(self, output: Any, picture_size: tuple[int, int]) -> Any:
        """The result for a picture, of what the model gives for it."""


def _keras_outputs(shape, task):
    """Outputs for each place, if the output is one that fits the task."""
    if isinstance(shape, tuple) and len(shape) == RANKS[task]:
        return shape[-1]
    raise ValueError(
        f"Expected a Keras model for {task}, with one output of rank "
        f"{RANKS[task]}. Received one with the output shape {shape}"
    )


def fixed_size(
    own: tuple[int | None, int | None], wanted: tuple[int, int] | None
) -> tuple[int, int]:
    """The one size that the model and the caller agree on.

    Args:
        own: `(height, width)` of the model; `None` for a side of any size.
        wanted: `(height, width)` that the caller asks for, if any.

    Raises:
        ValueError: If they differ, or neither is fixed.
    """
    size = own if None not in own else wanted
    if size is None:
        raise ValueError(
            "The model takes any size: `size` must be given, as (height, "
            f"width). Received an input of {own}"
        )
    if wanted is not None and tuple(wanted) != size:
        raise ValueError(f"The model takes {own} pixels. Received: {wanted}")
    return tuple(size)
