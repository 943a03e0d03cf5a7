"""What happens to a training image together with its batch."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from keras_mobilevit.training.augmentation import changes_batches
from keras_mobilevit.training.recipe import Augmentation


def transform_batch(
    images: np.ndarray,
    targets: np.ndarray,
    augmentation: Augmentation,
    seed: int | Sequence[int],
) -> tuple[np.ndarray, np.ndarray]:
    """Applies what `keras.layers` has for batches.

    In this order: RandAugment, which draws its operations once a batch and
    their strength for each image; erasing; MixUp or CutMix. Of the latter
    two, where both are on, a batch gets one, drawn evenly.

    Args:
        images: float32 array `(count, height, width, 3)` in [0, 255].
        targets: float32 array `(count, classes)`, probabilities.
        augmentation: What to do; its fields that concern single images are
            left to `transform`.
        seed: As in `numpy.random.default_rng`. The same seed gives the same
            result, but another on another Keras backend.

    Returns:
        Images and targets of the same shapes and types; the arguments
        themselves where all is off.
    """
    if not changes_batches(augmentation):
        return images, targets
    batch = {"images": images, "labels": targets}
    for layer in _batch_layers(augmentation, np.random.default_rng(seed)):
        batch = layer(batch, training=True)
    return (
        keras.ops.convert_to_numpy(batch["images"]),
        keras.ops.convert_to_numpy(batch["labels"]),
    )


def _batch_layers(augmentation, rng):
    def make(layer, *arguments, **options):
        # Not as the user's Keras has it by default: these are plain images.
        return layer(
            *arguments,
            **options,
            seed=int(rng.integers(2**31)),
            dtype="float32",
            data_format="channels_last",
        )

    kinds = keras.layers
    layers, mixing = [], []
    if count := augmentation.rand_augment:
        layers.append(make(kinds.RandAugment, (0, 255), num_ops=count))
    if chance := augmentation.erasing:
        # Of a single number, Keras would draw the probability itself.
        layers.append(make(kinds.RandomErasing, (chance, chance)))
    if alpha := augmentation.mixup:
        mixing.append(make(kinds.MixUp, alpha))
    if augmentation.cutmix:
        # Alpha is 1, as published; a single 1 would be its upper limit.
        mixing.append(make(kinds.CutMix, (1.0, 1.0)))
    if mixing:
        layers.append(mixing[rng.integers(len(mixing))])
    return layers
