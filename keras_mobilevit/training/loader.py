"""Batches of labelled images, and what mixes the images of a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from keras_mobilevit.images import arrange_channels, fit_input
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.augmentation import changes_batches, transform
from keras_mobilevit.training.example_loader import ExampleLoader
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.sources import LabelledSource


class BatchLoader(ExampleLoader):
    """Batches of images and of probabilities of their classes.

    Targets are `(count, classes)`. `batches` raises a `ValueError` too if the
    teacher does not know the same classes.

    Args:
        source: Labelled images.
        augmentation: What happens to training images.
        image: What happens to validation images; its order of the channels
            is that of all images.
        seed: As in `ExampleLoader`.
        workers: As in `ExampleLoader`.
        teacher: Maps images, as they leave `batches`, to an array `(count,
            classes)` of probabilities.
        teacher_weight: Share of the teacher in the targets, in [0, 1].
    """

    def __init__(
        self,
        source: LabelledSource,
        augmentation: Augmentation,
        image: ImageSpec,
        *,
        seed: int = 0,
        workers: int = 0,
        teacher: Callable[[np.ndarray], np.ndarray] | None = None,
        teacher_weight: float = 0.0,
    ):
        super().__init__(source, augmentation, seed=seed, workers=workers)
        self.image = image
        self.teacher = teacher
        self.teacher_weight = teacher_weight

    def training_example(self, index, size, rng):
        pixels = transform(
            self.source.open(index),
            size,
            self.augmentation,
            self.image,
            rng,
        )
        return arrange_channels(pixels, self.image), self._one_hot(index)

    def test_example(self, index, size):
        pixels = fit_input(self.source.open(index), size, self.image)
        return arrange_channels(pixels, self.image), self._one_hot(index)

    def blank_targets(self, count, size):
        return np.zeros((count, len(self.source.class_names)), np.float32)

    def finish(self, inputs, targets, key, replicas):
        if changes_batches(self.augmentation):
            self._transform_rows(inputs, targets, key, replicas)
        if self.teacher is not None:
            targets = self._taught(inputs, targets)
        return targets

    def __getstate__(self):
        # A teacher is a network, which teaches in the main process.
        return {**vars(self), "teacher": None}

    def _one_hot(self, index):
        (target,) = self.blank_targets(1, ())
        target[self.source.labels[index]] = 1
        return target

    def _transform_rows(self, images, targets, key, replicas):
        """Applies, in place, to each replica's images what mixes images."""
        # Workers do without Keras, and start in a fraction of the time.
        from keras_mobilevit.training.mixing import transform_batch

        parts = len(replicas)
        for row_images, row_targets, replica in zip(
            np.split(images, parts),
            np.split(targets, parts),
            replicas,
            strict=True,
        ):
            # One number more than the keys of single images have.
            seed = (*key, replica, 1)
            row_images[...], row_targets[...] = transform_batch(
                row_images, row_targets, self.augmentation, seed
            )

    def _taught(self, images, targets):
        probabilities = np.asarray(self.teacher(images))
        if probabilities.shape != targets.shape:
            raise ValueError(
                f"The teacher must give {targets.shape[1]} probabilities an "
                f"image. Received: an array of shape {probabilities.shape} "
                f"for {len(images)} images"
            )
        weight = np.float32(self.teacher_weight)
        return (1 - weight) * targets + weight * probabilities
