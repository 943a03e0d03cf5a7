"""How pixels in [0, 255] become the values that a network takes.

Plain NumPy: the scalings by name, and their use. `input_scaling` finds out
which one a Keras model expects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from keras_mobilevit.model_info import ImageSpec

# By which a value may miss its range, in pixels: floats are rounded.
_TOLERANCE = 0.01

Numbers: TypeAlias = float | tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class PixelScaling:
    """An input is `pixel * scale + offset`, for pixels in [0, 255].

    Attributes:
        scale: Above 0; one number, or one for each channel.
        offset: One number, or one for each channel.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit.pixel_scaling import SCALINGS
        >>> SCALINGS["signed"].apply(np.array([0, 255])).tolist()
        [-1.0, 1.0]
    """

    scale: Numbers = 1.0
    offset: Numbers = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether the input is the pixels themselves."""
        return bool(np.all(np.equal(self.scale, 1) & np.equal(self.offset, 0)))

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Float32 inputs of pixels `(..., channels)` in [0, 255]."""
        pixels = pixels.astype(np.float32)
        if self.is_identity:
            return pixels
        return pixels * np.float32(self.scale) + np.float32(self.offset)

    def pixels_of(self, inputs: np.ndarray) -> np.ndarray | None:
        """Float32 pixels of inputs; `None` if some are not in [0, 255]."""
        pixels = (inputs.astype(np.float64) - self.offset) / self.scale
        # NaN compares as false.
        if not (
            pixels.min() >= -_TOLERANCE and pixels.max() <= 255 + _TOLERANCE
        ):
            return None
        return np.clip(pixels, 0, 255).astype(np.float32)

    def __str__(self) -> str:
        low = np.atleast_1d(self.offset)
        high = 255 * np.atleast_1d(self.scale) + low
        ranges = [
            f"[{a:.4g}, {b:.4g}]"
            for a, b in zip(*np.broadcast_arrays(low, high), strict=True)
        ]
        if len(set(ranges)) == 1:
            return f"values in {ranges[0]}"
        return f"values in {', '.join(ranges)} by channel"


def standardized(mean: Sequence[float], std: Sequence[float]) -> PixelScaling:
    """Pixels in [0, 1], less a mean, over a standard deviation, by channel."""
    return PixelScaling(
        tuple(1 / (255 * s) for s in std),
        tuple(-m / s for m, s in zip(mean, std, strict=True)),
    )


# Name -> scaling. Mean and standard deviation of "imagenet" are those that
# torchvision and timm publish.
SCALINGS = {
    "pixels": PixelScaling(),
    "unit": PixelScaling(1 / 255),
    "signed": PixelScaling(1 / 127.5, -1.0),
    "imagenet": standardized((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
FORMS = (
    "'pixels' for [0, 255], 'unit' for [0, 1], 'signed' for [-1, 1], "
    "'imagenet' for ImageNet's mean and standard deviation, or MEAN/STD for "
    "others, of pixels in [0, 1], as 0.5,0.5,0.5/0.25,0.25,0.25"
)


def find_scaling(scaling: str | PixelScaling) -> PixelScaling:
    """Returns a scaling by its name, or from the text `MEAN/STD`.

    Args:
        scaling: A name in `SCALINGS`; mean and standard deviation of pixels
            in [0, 1], each one number or one a channel, with commas; or a
            scaling.

    Raises:
        ValueError: If it is none of these.

    Example:
        >>> from keras_mobilevit.pixel_scaling import find_scaling
        >>> find_scaling("0.5/0.5").offset
        (-1.0,)
    """
    if isinstance(scaling, PixelScaling):
        return scaling
    if scaling in SCALINGS:
        return SCALINGS[scaling]
    try:
        mean, std = (
            [float(number) for number in part.split(",")]
            for part in scaling.split("/")
        )
        if not (np.isfinite(mean + std).all() and min(std) > 0):
            raise ValueError
        return standardized(mean, std)
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            f"`scaling` must be {FORMS}. Received: scaling={scaling!r}"
        ) from None


def scaling_of(image: ImageSpec) -> PixelScaling:
    """The scaling that a description states."""
    return PixelScaling(image.scale, image.offset)
