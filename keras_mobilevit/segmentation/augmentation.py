"""The training augmentation of DeepLabv3, the same for picture and mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.images import MAX_PIXELS
from keras_mobilevit.optional_imports import import_optional

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

    The picture is resized to a short side that is drawn evenly, in whole
    pixels, and keeps its aspect; at 512 pixels, the short side is published as
    256 to 1024. Where that is smaller than the crop, the result is enlarged
    until the crop fits in, and so is blurred: that is a third of all pictures.
    Then a part is cut out at random. Source: version 0.1 of the authors' code,
    apart from two things. What is made smaller is antialiased, as elsewhere in
    this package. A crop that is not square always fits in; theirs may not.

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

    Raises:
        ValueError: If the picture is so elongated that, resized, it would
            have more than `MAX_PIXELS`.

    Example:
        >>> import numpy as np
        >>> from PIL import Image
        >>> from keras_mobilevit import segmentation
        >>> image, mask = segmentation.augment(
        ...     Image.new("RGB", (120, 96)),
        ...     Image.new("L", (120, 96)),
        ...     size=(64, 64),
        ...     rng=np.random.default_rng(0),
        ... )
        >>> image.shape, mask.shape
        ((64, 64, 3), (64, 64))
    """
    image_module = import_optional("PIL.Image", extra="train")
    part = (0, 0, *image.size)
    if short_side is not None:
        low, high = (round(share * min(size)) for share in short_side)
        side = int(rng.integers(max(low, 1), max(high, 1), endpoint=True))
        image, mask, part = _random_part(image, mask, size, side, rng)
    resampling = image_module.Resampling
    image = image.resize(size[::-1], resampling.BILINEAR, part)
    mask = mask.resize(size[::-1], resampling.NEAREST, part)
    if rng.random() < flip_chance:
        image, mask = (
            x.transpose(image_module.Transpose.FLIP_LEFT_RIGHT)
            for x in (image, mask)
        )
    return np.asarray(image), np.asarray(mask)


def _random_part(image, mask, size, side, rng):
    """Resizes in so far as it blurs, and draws what is cut out.

    Returns:
        Picture, mask, and left, top, right, bottom in their pixels. To resize
        that part to `size` is to crop the picture of the drawn short side.
    """
    crop = np.array(size[::-1])
    resized = np.array(image.size) * side // min(image.size)
    enlarged = resized
    if (resized < crop).any():
        image, mask = _resize(image, mask, resized)
        factor = max(crop / resized)
        enlarged = np.maximum((resized * factor).astype(int), crop)
    start = rng.integers(0, enlarged - crop, endpoint=True)
    ends = np.stack([start, start + crop]) / enlarged * image.size
    return image, mask, tuple(np.minimum(ends, image.size).ravel())


def _resize(image, mask, sides):
    if sides.prod() > MAX_PIXELS:
        raise ValueError(
            f"A picture of {image.width}x{image.height} pixels is too "
            f"elongated to be resized to {sides[0]}x{sides[1]}."
        )
    resampling = import_optional("PIL.Image", extra="train").Resampling
    sides = tuple(sides.tolist())
    return (
        image.resize(sides, resampling.BILINEAR),
        mask.resize(sides, resampling.NEAREST),
    )
