"""Masks of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.segmentation.masks import (
    decode_predictions,
    resize_logits,
)
from keras_mobilevit.tflite.dense_prediction.network import DensePredictor
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.images import ImageSource
    from keras_mobilevit.model_info import ModelInfo

# Files whose last operation is the choice of a class for each pixel.
_CHOSEN = "mask"


class Segmenter(DensePredictor):
    """A segmentation network, in Keras or in a `.tflite` file.

    Logits are interpolated to the size of the input, if they are coarser, and
    then to that of the picture, before each pixel takes its class. So all
    files that end in logits give the same as the Keras model. Of a file that
    ends in a mask the class ids are repeated: its edges are coarser.

    Args:
        model: Keras model as of `keras_mobilevit.segmentation`, or a
            `.tflite` file of one, open or not.
        labels: Names of the classes; by default those of `info`, and without
            any, of Keras models, the numbers of the classes.
        size: `(height, width)`; needed where the model's own are dynamic.
        workers: Threads for a file.
        info: Class names, channel order and scale of the input, kind of the
            output; by default what a file says of itself, and of a Keras model
            the scale that its first layers tell.

    Attributes:
        size: `(height, width)` of the model's input, in pixels.
        info: What is known of the model.
        labels: Names of the classes; empty for a file that has none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the model is no segmentation network, or the labels do
            not fit it.
        ImportError: If the runtime is missing.

    Example:
        >>> from keras_mobilevit import tflite
        >>> segmenter = tflite.Segmenter("segmenter.tflite")
        >>> segmenter.labels
        ('sky', 'road', 'tree', 'house', 'car')
        >>> segmenter.segment("photo.jpg").shape
        (96, 120)
    """

    task = "segmentation"
    kinds = ("logits", "probabilities", _CHOSEN)

    def __init__(
        self,
        model: keras.Model | ImageModel | str | os.PathLike,
        labels: Sequence[str] = (),
        *,
        size: tuple[int, int] | None = None,
        workers: int = 1,
        info: ModelInfo | None = None,
    ):
        super().__init__(model, info, size, workers)
        classes = self.classes
        self.labels = tuple(labels) or self.info.output_labels
        if not self.labels and classes is not None:
            self.labels = tuple(map(str, range(classes)))
        if classes not in (None, len(self.labels)):
            raise ValueError(
                f"The model has {classes} classes. Received: "
                f"{len(self.labels)} labels"
            )

    def segment(self, source: ImageSource) -> np.ndarray:
        """Finds the class of each pixel of one picture.

        Args:
            source: As in `keras_mobilevit.images.open_image`.

        Returns:
            Class ids, uint8 `(height, width)` of the upright picture.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is not a picture.
        """
        (mask,) = self.predict([source])
        return mask

    def segment_batch(
        self, images: np.ndarray, sizes: Sequence[tuple[int, int]]
    ) -> list[np.ndarray]:
        """Segments pictures that `segmentation.preprocess` read.

        Args:
            images: uint8 `(n, *size, 3)`, RGB in [0, 255].
            sizes: `(height, width)` of each picture, in pixels.

        Returns:
            As `segment`, for each picture.
        """
        return self.predict_batch(images, sizes)

    def _decode(self, output, picture_size):
        output = np.asarray(output)
        if self.classes is None and self.info.output.kind == _CHOSEN:
            return _stretch(output, picture_size)
        logits = resize_logits(output, self.size)
        (mask,) = decode_predictions(logits[None], [picture_size])
        return mask


def _stretch(mask, size):
    """Repeats the ids of a mask: each pixel takes that of its centre."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(size, mask.shape[:2], strict=True)
    )
    mask = mask.reshape(mask.shape[:2])
    return mask[rows[:, None], columns].astype(np.uint8)
