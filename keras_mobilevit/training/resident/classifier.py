"""A classifier that takes its training images out of its own memory."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mobilevit.training.resident.resampling import (
    apply_weights,
    filter_weights,
    pick_weights,
)


class ResidentPictures(keras.layers.Layer):
    """Looks up pictures and resamples them.

    The pictures are state of the layer, for the backends to hand them to a
    compiled step, but none of its weights: no file and no average holds them.

    Args:
        pictures: uint8 array `(count, height, width, 3)`.
    """

    def __init__(self, pictures: np.ndarray, **kwargs):
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self.pictures = keras.Variable(
            pictures, dtype="uint8", trainable=False, name="pictures"
        )
        self.built = True

    @property
    def weights(self):
        return []

    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        pass

    def call(self, inputs: dict[str, Any]) -> Any:
        """Makes the images of a batch.

        Args:
            inputs: `index`, int32 `(n,)`: which pictures. `rows` and
                `columns`, float32 `(n, height)` and `(n, width)`: where the
                middles of the image's pixels lie in the picture, in pixels.
                `scale` and `length`, float32 `(n, 2)`: the picture's pixels
                for each of the image, and its height and width. There may be
                `row_picks` and `column_picks`, int32 `(n, places)`: pixels of
                the picture that take its place; and `enlarged_rows` and
                `enlarged_columns`, which resample the outcome once more.

        Returns:
            float32 `(n, height, width, 3)`: whole numbers in [0, 255].
        """
        _, height, width, _ = self.pictures.shape
        rows, columns = (
            _axis_weights(inputs, axis, name, extent)
            for axis, (name, extent) in enumerate(
                (("row", height), ("column", width))
            )
        )
        images = ops.take(self.pictures, inputs["index"], axis=0)
        images = apply_weights(images, rows, columns)
        if "enlarged_rows" not in inputs:
            return images
        return apply_weights(
            images,
            _enlarging_weights(inputs["rows"], inputs["enlarged_rows"]),
            _enlarging_weights(inputs["columns"], inputs["enlarged_columns"]),
        )


class ResidentClassifier(keras.Model):
    """A network with the training images in it, for the time of a run.

    Takes images as the network does, or samplings as `ResidentPictures` does.

    Args:
        network: Model from images to logits.
        pictures: uint8 array `(count, height, width, 3)`.
    """

    def __init__(self, network: keras.Model, pictures: np.ndarray):
        # Positions must not be rounded to the halves that the network takes.
        super().__init__(dtype="float32", name="resident")
        self.network = network
        self.pictures = ResidentPictures(pictures)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        images = self.pictures(inputs) if isinstance(inputs, dict) else inputs
        return self.network(images, training=training)


def _axis_weights(inputs, axis, name, extent):
    weights = filter_weights(
        inputs[f"{name}s"],
        inputs["scale"][:, axis],
        inputs["length"][:, axis],
        extent,
    )
    if f"{name}_picks" in inputs:
        return pick_weights(weights, inputs[f"{name}_picks"], extent)
    return weights


def _enlarging_weights(old, new):
    """All of an axis as long as `old`, for one as long as `new`."""
    length = ops.shape(old)[1]
    ones = ops.ones_like(new[:, 0])
    lengths = ones * ops.cast(length, "float32")
    scale = lengths / ops.cast(ops.shape(new)[1], "float32")
    return filter_weights(new, scale, lengths, length)
