"""Batches of which only the places of the pixels travel to the device."""

from __future__ import annotations

import dataclasses

import numpy as np

from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.resident.store import PictureStore
from keras_mobilevit.training.resident.transform import ResidentTransform
from keras_mobilevit.training.sources import LabelledSource


class ResidentLoader(BatchLoader):
    """Batches for a `ResidentClassifier`, of the crops that others would get.

    Args:
        source: Labelled images.
        transform: What happens to them, but for what concerns whole batches.
        store: The images as the device has them. Its pictures are not kept.
        seed: As in `ExampleLoader`.
        workers: As in `ExampleLoader`.
    """

    def __init__(
        self,
        source: LabelledSource,
        transform: ResidentTransform,
        store: PictureStore,
        *,
        seed: int = 0,
        workers: int = 0,
    ):
        super().__init__(
            source,
            transform.augmentation,
            transform.spec,
            seed=seed,
            workers=workers,
        )
        self.transform = transform
        self.extent = store.pictures.shape[1:3]
        self.shapes = store.shapes
        self.kept = store.kept
        self.failures = store.failures

    def training_example(self, index, size, rng):
        if index in self.failures:
            raise ValueError(self.failures[index])
        sampling = self.transform.sample(
            tuple(self.shapes[index].tolist()),
            tuple(self.kept[index].tolist()),
            self.extent,
            size,
            rng,
        )
        sampling["index"] = np.array(index, np.int32)
        return sampling, self._one_hot(index)

    def blank_inputs(self, count, size):
        rng = np.random.default_rng(0)
        sampling = self.transform.sample(*[self.extent] * 3, size, rng)
        blank = {
            name: np.zeros((count, *array.shape), array.dtype)
            for name, array in sampling.items()
        }
        return {**blank, "index": np.zeros(count, np.int32)}

    def __getstate__(self):
        # Workers need no picture.
        source = dataclasses.replace(self.source, read=None)
        return {**super().__getstate__(), "source": source}
