"""What happens to a training image that stays on the device.

The draws are those of `keras_mobilevit.training.augmentation.transform`, one
for one, so that the same generator gives the same crop.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from keras_mobilevit.images import (
    arrange_channels,
    covering_shape,
    fit_image,
    pre_resized_shape,
)
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.augmentation import random_box, reflected
from keras_mobilevit.training.recipe import Augmentation

# The longer side of a picture that is kept smaller than it is, in `side`s: a
# single panorama would widen the place of every picture.
LONGEST = 2


@dataclasses.dataclass(frozen=True)
class ResidentTransform:
    """Splits `transform` into what is done once and what is drawn each time.

    Attributes:
        augmentation: What happens to training images.
        spec: Preprocessing of validation images, as `transform` takes it.
        side: Largest shorter side that is kept, in pixels; 0 for any.
    """

    augmentation: Augmentation
    spec: ImageSpec
    side: int = 0

    def keep(self, image: Image.Image) -> np.ndarray:
        """Does with a picture what happens to it alike every time.

        Args:
            image: RGB picture.

        Returns:
            uint8 array `(height, width, 3)`, in the order of the model's
            channels.

        Raises:
            ValueError: If the picture is too elongated; see `fit_image`.
        """
        if self._is_native:
            native = (self.spec.pre_resize, self.spec.pre_resize)
            image = fit_image(image, native, self._crop_pct)
        else:
            image = _reduce(image, self.side)
        return arrange_channels(np.asarray(image), self.spec)

    def sample(
        self,
        shape: tuple[int, int],
        kept: tuple[int, int],
        extent: tuple[int, int],
        size: tuple[int, int],
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """Draws a crop and a flip.

        Args:
            shape: `(height, width)` of the picture as it was opened.
            kept: `(height, width)` of what `keep` made of it.
            extent: `(height, width)` of the place that it is kept in.
            size: `(height, width)` of the training image, equal where there is
                a `pre_resize`.
            rng: Source of all randomness.

        Returns:
            What `ResidentPictures` takes for one image, but for its index.

        Raises:
            ValueError: If the picture is too elongated; see `fit_image`.
        """
        if self.augmentation.crop == "random_resized":
            sampling = self._random_resized(shape, kept, size, rng)
        elif self.augmentation.crop == "padded":
            sampling = self._padded(kept, extent, size, rng)
        else:
            crop_pct = 1.0 if self._is_native else self._crop_pct
            sampling = _covering(kept, size, crop_pct)
        if rng.random() < self.augmentation.flip:
            sampling["columns"] = sampling["columns"][::-1]
        sampling["length"] = np.array(kept, np.float32)
        return sampling

    @property
    def _is_native(self):
        """Whether a picture has the same pixels in front of every crop."""
        crops = self.augmentation.crop == "random_resized"
        return self.spec.pre_resize > 0 and not crops

    @property
    def _crop_pct(self):
        """Only where nothing is cropped at random, validation decides."""
        return self.spec.crop_pct if self.augmentation.crop == "none" else 1.0

    def _random_resized(self, shape, kept, size, rng):
        left, top, right, bottom = random_box(
            shape[::-1], self.augmentation.scale, self.augmentation.ratio, rng
        )
        y, x = (k / s for k, s in zip(kept, shape, strict=True))
        native = pre_resized_shape(size, self.spec.pre_resize)
        sampling = _axes(
            (top * y, left * x),
            ((bottom - top) * y, (right - left) * x),
            native,
        )
        if self.spec.pre_resize:
            # Where they are equal too: all batches have the same arrays.
            enlarged = _axes((0, 0), native, size)
            sampling["enlarged_rows"] = enlarged["rows"]
            sampling["enlarged_columns"] = enlarged["columns"]
        return sampling

    def _padded(self, kept, extent, size, rng):
        picks = []
        for length, places in zip(kept, extent, strict=True):
            padding = self.augmentation.padding
            start = rng.integers(-padding, padding, endpoint=True)
            # What lies behind the picture has no share in any pixel.
            axis = np.zeros(places, np.int32)
            axis[:length] = reflected(start, length)
            picks.append(axis)
        sampling = _covering(kept, size)
        sampling["row_picks"], sampling["column_picks"] = picks
        return sampling


def _reduce(image, side):
    shorter, longer = sorted(image.size)
    factor = min(side / shorter, LONGEST * side / longer)
    if not 0 < factor < 1:
        return image
    size = [max(round(length * factor), 1) for length in image.size]
    return image.resize(size, Image.Resampling.BILINEAR)


def _covering(kept, size, crop_pct=1.0):
    """The centre of a picture that is scaled until it covers the size."""
    scaled = covering_shape(kept, size, crop_pct)
    starts, lengths = [], []
    for whole, old, new in zip(scaled, kept, size, strict=True):
        scale = old / whole
        starts.append((whole - new) // 2 * scale)
        lengths.append(new * scale)
    return _axes(starts, lengths, size)


def _axes(starts, lengths, size):
    """The middles of so many pixels that share the given part of an axis."""
    scales = [length / n for length, n in zip(lengths, size, strict=True)]
    rows, columns = (
        (start + (np.arange(n) + 0.5) * scale).astype(np.float32)
        for start, scale, n in zip(starts, scales, size, strict=True)
    )
    return {
        "rows": rows,
        "columns": columns,
        "scale": np.array(scales, np.float32),
    }
