"""Batches of pictures with masks."""

from __future__ import annotations

import numpy as np
from PIL import Image

from keras_mobilevit.detection.augmentation import distort_colors
from keras_mobilevit.segmentation.augmentation import augment
from keras_mobilevit.training.example_loader import ExampleLoader


class MaskLoader(ExampleLoader):
    """Batches of `MaskedImages`: pictures, and the class ids of pixels.

    Targets are `(count, height, width)`.
    """

    def training_example(self, index, size, rng):
        config = self.augmentation
        crops = config.crop == "short_side"
        pixels, ids = augment(
            *self.source.open(index),
            size,
            rng,
            short_side=config.short_side if crops else None,
            flip_chance=config.flip,
        )
        if config.colors:
            pixels = distort_colors(pixels, rng)
        return pixels, ids

    def test_example(self, index, size):
        picture, mask = self.source.open(index)
        height, width = size
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        mask = mask.resize((width, height), Image.Resampling.NEAREST)
        return np.asarray(picture), np.asarray(mask)

    def blank_targets(self, count, size):
        return np.zeros((count, *size), np.float32)
