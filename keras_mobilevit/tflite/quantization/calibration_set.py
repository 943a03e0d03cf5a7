"""Selects calibration images from a folder, archive, array or dataset.

An export reserves a fifth of them, to compare the finished file with float32 on
images that were not used to make it.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import os
import warnings
from collections.abc import Callable, Iterable

import numpy as np

from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.image_batches import iterate_batches, unwrap_source
from keras_mobilevit.image_folders import (
    label_of,
    list_files,
    read_files,
)
from keras_mobilevit.images import load_input
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.pixel_scaling import PixelScaling
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.text_formatting import abbreviate

# Measured on CIFAR-10: one image loses 8 dB, five do as well as a hundred. The
# rest is margin for pictures that differ more.
FEW_IMAGES = 20
# One in so many is reserved, but no fewer than the other number, of which each
# image still makes an eighth of the figure.
_RESERVED_SHARE = 5
FEWEST_RESERVED = 8
_PIXELS = PixelScaling()


@dataclasses.dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Images that int8 is fitted to, and where they come from.

    Attributes:
        images: Array `(count, height, width, channels)`, pixels in [0, 255],
            uint8 or float32.
        seed: Seed that chose them; `None` where the caller's order did.
        skipped: Names of the pictures that could not be read.
        reserved: Images like `images` that do not calibrate, but verify the
            file; `None` before `reserve` sets them aside.
    """

    images: np.ndarray
    seed: int | None = None
    skipped: tuple[str, ...] = ()
    reserved: np.ndarray | None = None

    def reserve(self) -> CalibrationSet:
        """Sets images aside that verify the file and have no other use.

        A fifth of the images, at least `FEWEST_RESERVED`; half of them, if
        there are fewer than twice that number. One is drawn from each of as
        many equal stretches of `images`, always the same: so all classes have
        their share, whether images come class by class or in turns. Copies of
        an image count as one, and are never on both sides.

        Returns:
            A set of which `images` calibrate and `reserved` do not; the set
            itself, if that is done. Of a single image, none is reserved.
        """
        if self.reserved is not None:
            return self
        contents = [image.tobytes() for image in self.images]
        first = {content: i for i, content in reversed([*enumerate(contents)])}
        distinct = np.sort(list(first.values()))
        count = max(len(distinct) // _RESERVED_SHARE, FEWEST_RESERVED)
        count = min(count, len(distinct) // 2)
        rng = np.random.default_rng(0)
        chosen = [
            int(rng.choice(stretch))
            for stretch in np.array_split(distinct, count or 1)[:count]
        ]
        reserved = {contents[index] for index in chosen}
        calibrating = [c not in reserved for c in contents]
        return dataclasses.replace(
            self, images=self.images[calibrating], reserved=self.images[chosen]
        )


Source = (
    CalibrationSet
    | str
    | os.PathLike
    | np.ndarray
    | Iterable
    | Callable[[], Iterable]
)


@takes_image_arguments("image")
def calibration_set(
    source: Source | None,
    shape: tuple[int, int, int],
    *,
    count: int = 100,
    seed: int = 0,
    image: ImageSpec | None = None,
    scaling: PixelScaling = _PIXELS,
) -> CalibrationSet:
    """Chooses calibration images and checks them.

    Out of a folder or tar, `seed` draws as many pictures from each class
    folder as from any other. Those that can not be read are replaced by
    others of their class. Out of an array, `seed` draws images. Anything else
    is read in its own order, up to `count` images: shuffle a dataset that is
    sorted by class.

    Args:
        source: Folder or tar of pictures, as in
            `keras_mobilevit.image_folders.iterate_files`; array
            `(count, height, width, channels)` of integers or floats;
            `tf.data.Dataset`,
            `keras.utils.PyDataset`, another iterable or a generator function
            of images or batches of them, alone, first in a tuple or list, or
            in a dictionary; or the result of an earlier call. See
            `keras_mobilevit.image_batches`.
        shape: `(height, width, channels)` of the model's input. Only pictures
            from files are brought to it.
        count: Use at most so many.
        seed: The same seed draws the same images.
        image: How pictures from files are cropped, and the order of their
            channels; by default they are only resized, and RGB.
        scaling: How the model expects its pixels to be scaled. Arrays may be
            scaled like that already: they are turned into pixels again.

    Raises:
        FileNotFoundError: If there is no such folder or tar.
        ValueError: If there is no image, or one of another shape or type, or
            they are neither pixels in [0, 255] nor scaled as `scaling` says.

    Warns:
        UserWarning: If there are fewer than `FEW_IMAGES`, or if pictures were
            skipped.

    Example:
        >>> from keras_mobilevit import tflite
        >>> chosen = tflite.calibration_set("photos", (96, 96, 3), count=20)
        >>> chosen.images.shape, chosen.skipped
        ((20, 96, 96, 3), ())
    """
    if source is None:
        raise ValueError(
            "int8 needs calibration images, about a hundred of the kind that "
            "the model will see. Received: calibration=None"
        )
    if isinstance(source, CalibrationSet):
        _check_shape(source.images.shape[1:], shape)
        return source
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}")
    skipped = ()
    if isinstance(source, (str, os.PathLike)):
        images, skipped = _draw_pictures(
            source, shape, count, seed, image or ImageSpec()
        )
    elif isinstance(source := unwrap_source(source), np.ndarray):
        images = _draw_images(source, shape, count, seed)
    else:
        images = list(itertools.islice(_iterate_images(source, shape), count))
        seed = None
    images = _checked(images, skipped, scaling)
    if skipped:
        warnings.warn(f"Skipped {_unreadable(skipped)}", stacklevel=2)
    if len(images) < FEW_IMAGES:
        warnings.warn(
            f"{len(images)} calibration images are few: the accuracy of int8 "
            "will depend on their choice. Use about a hundred images of the "
            "kind that the model will see.",
            stacklevel=2,
        )
    return CalibrationSet(images, seed, skipped)


def _draw_pictures(source, shape, count, seed, spec):
    *size, channels = shape
    if channels not in (1, 3):
        raise ValueError(
            "Pictures from files have 3 channels, or 1 of luma, the model's "
            f"input has {channels}. Pass an array of images instead."
        )
    queues = _shuffled_by_class(list_files(source), np.random.default_rng(seed))
    total = min(count, sum(map(len, queues.values())))
    images, skipped = [], []
    taken = collections.Counter()
    with progress_bar(total=total, desc="reading pictures") as bar:
        while names := _next_names(queues, taken, count - len(images)):
            for file in read_files(source, sorted(names)):
                try:
                    image = load_input(file.data, tuple(size), spec, channels)
                except ValueError:
                    skipped.append(file.name)
                    continue
                images.append(image)
                taken[file.label] += 1
                bar.update()
    return images, tuple(skipped)


def _shuffled_by_class(names, rng):
    """Label -> its names; labels are shuffled as well.

    With fewer pictures than classes, the first classes alone would be drawn.
    """
    classes = collections.defaultdict(list)
    for name in names:
        classes[label_of(name)].append(name)
    return {
        label: rng.permutation(classes[label]).tolist()
        for label in rng.permutation(sorted(classes)).tolist()
    }


def _next_names(queues, taken, count):
    """Takes names off the queues so that the classes stay level."""
    planned, names = taken.copy(), []
    while len(names) < count and any(queues.values()):
        label = min(filter(queues.get, queues), key=planned.__getitem__)
        names.append(queues[label].pop())
        planned[label] += 1
    return names


def _draw_images(array, shape, count, seed):
    if array.ndim != 4:
        raise ValueError(
            "An array of calibration images must have 4 axes, the images "
            f"first. Received: shape {array.shape}"
        )
    if len(array) > count:
        rng = np.random.default_rng(seed)
        array = array[np.sort(rng.choice(len(array), count, replace=False))]
    return _as_pixels(array, shape)


def _iterate_images(source, shape):
    """Yields single images out of images, batches and labelled batches."""
    for batch in iterate_batches(source):
        yield from _as_pixels(batch, shape)


def _as_pixels(array, shape):
    """A batch in the type that a `CalibrationSet` has."""
    _check_shape(array.shape[1:], shape)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iuf":
        raise ValueError(
            "Calibration images must be numbers, uint8, other integers or "
            f"floats. Received: {array.dtype}"
        )
    return array.astype(np.float32)


def _checked(images, skipped, scaling):
    """One array of the images, if there are any and the model fits them."""
    if not len(images):
        found = _unreadable(skipped) if skipped else "none"
        raise ValueError(
            "Calibration needs images, about a hundred of the kind that the "
            f"model will see. Received: {found}"
        )
    images = np.stack(images)
    low, high = float(images.min()), float(images.max())
    # NaN compares as false. Up to 1 is what scaled images have.
    if 0 <= low and 1 < high <= 255:
        return images
    if not scaling.is_identity:
        pixels = scaling.pixels_of(images)
        if pixels is not None:
            return pixels
        expected = f"or {scaling}, as the model expects them"
    else:
        expected = "which the model takes and scales itself"
    raise ValueError(
        f"Calibration images must hold pixels in [0, 255], {expected}. "
        f"Received: values in [{low:g}, {high:g}]"
    )


def _check_shape(received, shape):
    if tuple(received) != tuple(shape):
        advice = "Resize them, or pass a folder of pictures."
        if tuple(received) == (shape[2], *shape[:2]):
            advice = (
                "Their channels come first, as in PyTorch: transpose them, as "
                "`batch.permute(0, 2, 3, 1)` does."
            )
        raise ValueError(
            f"Calibration images must be of shape {tuple(shape)}, as the "
            f"model's input. Received: one of shape {tuple(received)}. {advice}"
        )


def _unreadable(names):
    return f"{len(names)} pictures that can not be read: {abbreviate(names)}"
