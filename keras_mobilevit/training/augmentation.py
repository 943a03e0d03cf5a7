"""What happens to a training image by itself.

Worker processes import this; what needs Keras is in `mixing`.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from keras_mobilevit.images import fit_image, fit_input, pre_resized_shape
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.recipe import Augmentation


def transform(
    image: Image.Image,
    size: tuple[int, int],
    augmentation: Augmentation,
    spec: ImageSpec,
    rng: np.random.Generator,
) -> np.ndarray:
    """Crops, scales and flips one image.

    Args:
        image: RGB image of any size.
        size: `(height, width)` of the result, in pixels.
        augmentation: What to do; its fields that concern batches are left to
            `mixing.transform_batch`.
        spec: Preprocessing of validation images. Where it has a `pre_resize`,
            all crops are reduced to that before they get their size; where
            nothing is cropped, it decides all.
        rng: Source of all randomness.

    Returns:
        uint8 array `(*size, 3)`, RGB.

    Raises:
        ValueError: If the image is too elongated; see `fit_image`.
    """
    crop = _CROPS[augmentation.crop]
    image = crop(image, size, augmentation, spec, rng)
    if rng.random() < augmentation.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image)


def _random_resized(image, size, augmentation, spec, rng):
    box = random_box(image.size, augmentation.scale, augmentation.ratio, rng)
    height, width = pre_resized_shape(size, spec.pre_resize)
    image = image.resize((width, height), Image.Resampling.BILINEAR, box)
    # For one that has its size by now, this is a copy.
    return image.resize(size[::-1], Image.Resampling.BILINEAR)


def _padded(image, size, augmentation, spec, rng):
    if spec.pre_resize:
        native = pre_resized_shape(size, spec.pre_resize)
        image = fit_image(image, native)
    pixels = np.asarray(image)
    for axis in (0, 1):
        start = rng.integers(
            -augmentation.padding, augmentation.padding, endpoint=True
        )
        indices = reflected(start, pixels.shape[axis])
        pixels = pixels.take(indices, axis)
    return fit_image(Image.fromarray(pixels), size)


def _uncropped(image, size, augmentation, spec, rng):
    return Image.fromarray(fit_input(image, size, spec))


_CROPS = {
    "random_resized": _random_resized,
    "padded": _padded,
    "none": _uncropped,
}


def random_box(
    size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[int, int, int, int]:
    """Draws a part of an image, as torchvision's `RandomResizedCrop` does.

    The share of the area is uniform, the logarithm of the aspect is too.
    After ten parts that stick out of the image, it is the largest central
    one of a permitted aspect.

    Args:
        size: `(width, height)` of the image, in pixels.
        scale: Smallest and largest share of the area, in (0, 1].
        ratio: Smallest and largest width over height.
        rng: Source of randomness.

    Returns:
        `(left, top, right, bottom)` in pixels.
    """
    width, height = size
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for _ in range(10):
        area = width * height * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(low, high))
        w = round(math.sqrt(area * aspect))
        h = round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            top = int(rng.integers(height - h, endpoint=True))
            left = int(rng.integers(width - w, endpoint=True))
            return left, top, left + w, top + h
    w = min(width, max(round(height * ratio[1]), 1))
    h = min(height, max(round(width / ratio[0]), 1))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def reflected(start: int, length: int) -> np.ndarray:
    """Indices of `length` pixels from `start` on; the edges are mirrors.

    Args:
        start: First pixel, which may lie outside of the image.
        length: Pixels of the image.

    Returns:
        Integers `(length,)` in `[0, length)`.
    """
    period = max(2 * (length - 1), 1)
    indices = np.arange(start, start + length) % period
    return np.minimum(indices, period - indices)


def changes_batches(augmentation: Augmentation) -> bool:
    """Whether `transform_batch` does anything."""
    return bool(
        augmentation.rand_augment
        or augmentation.erasing
        or augmentation.mixup
        or augmentation.cutmix
    )
