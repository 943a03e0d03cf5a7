"""Labelled images, from a folder or a tar of folders into a `tf.data` set."""

from __future__ import annotations

import io
import os
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from keras_mobilevit.images import count_files, iterate_files


class LabelledImages(NamedTuple):
    """Images in memory.

    Attributes:
        images: uint8 array `(count, height, width, 3)`, RGB.
        labels: int64 array `(count,)`, indices into `class_names`.
        class_names: Sorted names of the class folders.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: list[str]


def load_images(source: str | os.PathLike) -> LabelledImages:
    """Reads `<class>/<image>` files of one size from a folder or a tar.

    Args:
        source: Folder with one folder a class, or a tar of such a folder.

    Returns:
        The images, in sorted order of their names.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it holds no image, or images of several sizes.
    """
    files = tqdm(
        iterate_files(source),
        total=count_files(source),
        desc="reading images",
        disable=None,
    )
    images, names = [], []
    for file in files:
        with Image.open(io.BytesIO(file.data)) as image:
            images.append(np.asarray(image.convert("RGB")))
        names.append(file.label)
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        raise ValueError(
            f"All images of {source} must have one size to be trained on in "
            f"memory. Received: {sorted(sizes)[:3]} and more."
        )
    class_names = sorted(set(names))
    index = {name: i for i, name in enumerate(class_names)}
    labels = np.array([index[name] for name in names], np.int64)
    return LabelledImages(np.stack(images), labels, class_names)


def training_set(
    data: LabelledImages,
    *,
    size: int,
    batch_size: int,
    crop_padding: int,
    seed: int,
) -> tf.data.Dataset:
    """Shuffled, flipped, cropped and upsampled batches; the remainder drops.

    The same seed gives the same batches, epoch for epoch.

    Args:
        data: What to draw from.
        size: Side of the batches, in pixels.
        batch_size: Images a batch.
        crop_padding: Reflected border, in pixels of the original, out of
            which the crop is taken.
        seed: Seed of order, crops and flips.

    Returns:
        Dataset of float32 images `(batch_size, size, size, 3)` in [0, 255]
        and one-hot labels `(batch_size, classes)`.
    """
    height, width = data.images.shape[1:3]
    p = crop_padding

    def augment(index, draw):
        image = tf.gather(images, index)
        image = tf.pad(image, [[p, p], [p, p], [0, 0]], mode="REFLECT")
        seed_pair = tf.stack([draw, 0])
        image = tf.image.stateless_random_crop(
            image, (height, width, 3), seed=seed_pair
        )
        image = tf.image.stateless_random_flip_left_right(image, seed_pair + 1)
        return image, tf.gather(labels, index)

    with tf.device("/CPU:0"):
        images = tf.constant(data.images)
        labels = tf.one_hot(data.labels, len(data.class_names))
    draws = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    indices = tf.data.Dataset.range(len(data.labels))
    indices = indices.shuffle(len(data.labels), seed=seed)
    dataset = tf.data.Dataset.zip(indices, draws)
    dataset = dataset.map(augment, num_parallel_calls=1)
    dataset = dataset.batch(batch_size, drop_remainder=True)
    dataset = dataset.map(lambda x, y: (_upsample(x, size), y))
    return dataset.prefetch(2)


def evaluation_set(
    data: LabelledImages, *, size: int, batch_size: int
) -> tf.data.Dataset:
    """All images once and in order, as `training_set` gives them."""
    labels = tf.one_hot(data.labels, len(data.class_names))
    dataset = tf.data.Dataset.from_tensor_slices((data.images, labels))
    dataset = dataset.batch(batch_size)
    return dataset.map(lambda x, y: (_upsample(x, size), y)).prefetch(2)


def _upsample(images, size):
    return tf.image.resize(images, (size, size), method="bilinear")
