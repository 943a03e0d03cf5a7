"""The training augmentation of DeepLabv3, the same for picture and mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.extras import require

if TYPE_CHECKING:
    from PIL import Image


def augment(
    image: Image.Image,
    mask: Image.Image,
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    short_side: tuple[float, float] | None = (0.5, 2.0),
    flip_chance: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Applies the published recipe: resize, crop, flip.

    The picture is resized to a short side that is drawn evenly, at least so
    far that the crop fits in, and keeps its aspect; at 512 pixels, the short
    side is published as 256 to 1024. Then a part is cut out at random. Both
    happen in one step, so a crop may begin between two pixels. Source: the
    authors of MobileViT.

    Args:
        image: RGB picture of any size.
        mask: Grey picture of class ids, of the same size.
        size: `(height, width)` of the result, in pixels.
        rng: Source of all randomness.
        short_side: Smallest and largest short side, in short sides of the
            result. `None` for the whole picture, which does not keep its
            aspect.
        flip_chance: Probability of a horizontal flip, in [0, 1].

    Returns:
        uint8 arrays: pixels `(*size, 3)`, interpolated bilinearly, and class
        ids `size`, each that of the nearest pixel.
    """
    image_module = require("PIL.Image", extra="train")
    part = (0, 0, *image.size)
    if short_side is not None:
        part = _random_part(image.size, size, short_side, rng)
    resampling = image_module.Resampling
    image = image.resize(size[::-1], resampling.BILINEAR, part)
    mask = mask.resize(size[::-1], resampling.NEAREST, part)
    if rng.random() < flip_chance:
        image, mask = (
            x.transpose(image_module.Transpose.FLIP_LEFT_RIGHT)
            for x in (image, mask)
        )
    return np.asarray(image), np.asarray(mask)


def _random_part(image_size, size, short_side, rng):
    """Draws left, top, right, bottom in pixels of the picture."""
    image_size, size = np.array(image_size), np.array(size[::-1])
    factor = rng.uniform(*short_side) * size.min() / image_size.min()
    factor = max(factor, *(size / image_size))
    sides = np.minimum(size / factor, image_size)
    start = rng.uniform(0, image_size - sides)
    return (*start, *np.minimum(start + sides, image_size))
