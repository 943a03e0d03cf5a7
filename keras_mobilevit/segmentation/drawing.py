"""Masks in colour: the palette of Pascal VOC, and overlays on pictures."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.configs import IGNORE_LABEL
from keras_mobilevit.optional_imports import import_optional

if TYPE_CHECKING:
    from PIL import Image


def voc_palette() -> np.ndarray:
    """The colour map of Pascal VOC.

    The bits of a class id go in turn to red, green and blue, the lowest to
    the highest bit of the colour. Source: `VOClabelcolormap` of the VOC
    development kit.

    Returns:
        uint8 `(256, 3)`, RGB by class id.

    Example:
        >>> from keras_mobilevit import segmentation
        >>> segmentation.voc_palette()[1].tolist()
        [128, 0, 0]
    """
    ids = np.arange(256)[:, None]
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        # Three bits of the id at a time: one for each of R, G and B.
        values = (ids >> (3 * bit + np.arange(3))) & 1
        palette |= (values << (7 - bit)).astype(np.uint8)
    return palette


def colorize(
    mask: np.ndarray, palette: np.ndarray | None = None
) -> Image.Image:
    """Draws a mask as the mask files of Pascal VOC are.

    Args:
        mask: Class ids, uint8 `(height, width)`.
        palette: uint8 `(256, 3)`, RGB by class id; by default `voc_palette`.

    Returns:
        Picture with a palette (mode `"P"`), whose pixels stay class ids.

    Raises:
        ValueError: If the mask has another shape or dtype.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> mask = np.array([[0, 1], [2, 255]], np.uint8)
        >>> segmentation.colorize(mask).convert("RGB").getpixel((1, 0))
        (128, 0, 0)
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(
            "A mask is a uint8 array (height, width). Received: "
            f"{mask.dtype} {mask.shape}"
        )
    image = import_optional("PIL.Image", extra="runtime").fromarray(mask)
    palette = voc_palette() if palette is None else np.asarray(palette)
    image.putpalette(palette.astype(np.uint8).tobytes())
    return image


def overlay(
    image: Image.Image | np.ndarray,
    mask: np.ndarray,
    palette: np.ndarray | None = None,
    opacity: float = 0.6,
    hidden: Collection[int] = (0, IGNORE_LABEL),
) -> Image.Image:
    """Lays a mask over its picture.

    Args:
        image: RGB picture, or uint8 array `(height, width, 3)`.
        mask: Class ids, uint8 `(height, width)`.
        palette: As in `colorize`.
        opacity: Share of the colour, in [0, 1].
        hidden: Class ids whose pixels stay as they are; by default the
            background and what has no label.

    Returns:
        RGB picture of the same size.

    Raises:
        ValueError: If the sizes differ, or `opacity` is out of its range.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import segmentation
        >>> image = np.zeros((96, 120, 3), np.uint8)
        >>> mask = np.ones((96, 120), np.uint8)
        >>> segmentation.overlay(image, mask, opacity=0.5).getpixel((0, 0))
        (64, 0, 0)
    """
    image_module = import_optional("PIL.Image", extra="runtime")
    if not 0 <= opacity <= 1:
        raise ValueError(
            f"`opacity` must be in [0, 1]. Received: opacity={opacity}"
        )
    if isinstance(image, np.ndarray):
        image = image_module.fromarray(image)
    image = image.convert("RGB")
    colours = colorize(mask, palette)
    if colours.size != image.size:
        raise ValueError(
            "The mask must have the size of the picture: see the `sizes` of "
            f"`decode_predictions`. Received: a mask of {mask.shape}, a "
            f"picture of {(image.height, image.width)}"
        )
    blended = image_module.blend(image, colours.convert("RGB"), opacity)
    shown = 255 * np.isin(mask, list(hidden), invert=True).astype(np.uint8)
    image.paste(blended, mask=image_module.fromarray(shown))
    return image
