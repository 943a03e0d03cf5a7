"""The training augmentation of SSD, which moves boxes with their pixels.

Images are uint8 arrays `(height, width, 3)` of RGB, boxes float32 arrays
`(n, 4)` of left, top, right, bottom in pixels, labels arrays `(n,)`.

Keras has no crop that keeps a minimal overlap with a box. torchvision has, but
needs PyTorch; Albumentations has, but is no longer maintained, and its
successor is under the AGPL.
"""

from __future__ import annotations

import numpy as np

from keras_mobilevit.detection.boxes import pairwise_iou
from keras_mobilevit.optional_imports import import_optional

# 0 stands for the whole image.
MIN_OVERLAPS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
TRIALS = 40


def augment(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    crop: bool = True,
    colors: bool = True,
    flip_chance: float = 0.5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Applies the published recipe: crop, colours, flip, resize.

    Args:
        image: Picture of any size.
        boxes: Its boxes, of positive sides; n may be 0.
        labels: Their classes.
        size: `(height, width)` of the result, in pixels. The aspect is not
            kept.
        rng: Source of all randomness.
        crop: Whether to apply `random_crop`.
        colors: Whether to apply `distort_colors`.
        flip_chance: Probability of a horizontal flip, in [0, 1].

    Returns:
        uint8 array `(*size, 3)`; float32 array `(m, 4)` of boxes as shares of
        its sides, as `make_targets` takes them; their classes `(m,)`. At
        least one box is left if there was one.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> image, boxes, labels = detection.augment(
        ...     np.zeros((96, 120, 3), np.uint8),
        ...     np.array([[10, 20, 60, 80]], np.float32),
        ...     np.array([1]),
        ...     size=(64, 64),
        ...     rng=np.random.default_rng(0),
        ... )
        >>> image.shape, boxes.shape, labels
        ((64, 64, 3), (1, 4), array([1]))
    """
    if crop:
        image, boxes, labels = random_crop(image, boxes, labels, rng)
    if colors:
        image = distort_colors(image, rng)
    if rng.random() < flip_chance:
        image, boxes = flip(image, boxes)
    height, width = image.shape[:2]
    image_module = import_optional("PIL.Image", extra="detection")
    resized = image_module.fromarray(np.ascontiguousarray(image)).resize(
        size[::-1], image_module.Resampling.BILINEAR
    )
    boxes = boxes / np.float32([width, height, width, height])
    return np.asarray(resized), boxes, labels


def random_crop(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops a part that overlaps with some box by a minimum, drawn evenly.

    The minimal IoU is one of `MIN_OVERLAPS`; the sides are 0.3 to 1 of the
    image's, at an aspect of 1/2 to 2. After `TRIALS` parts without success
    another minimum is drawn. Boxes whose centre lies in the part are cut at
    its edges, the others are dropped; at least one is left. Source: Section
    2.2 of arXiv 1512.02325, with the numbers of the authors of MobileViT.

    Args:
        image: As above, as are boxes and labels.
        boxes: Of positive sides; without any, nothing is cropped.
        labels: Their classes.
        rng: Source of all randomness.

    Returns:
        The part of the image, its boxes, their labels.
    """
    if not len(boxes):
        return image, boxes, labels
    while minimum := rng.choice(MIN_OVERLAPS):
        for _ in range(TRIALS):
            part = _random_part(image.shape[:2], rng)
            if part is None:
                continue
            inside = _centers_inside(boxes, part)
            iou = pairwise_iou(boxes, np.float32([part]))
            if iou.max() < minimum or not inside.any():
                continue
            left, top, right, bottom = part
            corner = np.float32([left, top, left, top])
            limit = np.float32([right, bottom, right, bottom])
            boxes = np.clip(boxes[inside], corner, limit) - corner
            return image[top:bottom, left:right], boxes, labels[inside]
    return image, boxes, labels


def _random_part(size, rng):
    """Draws left, top, right, bottom; `None` for too elongated ones."""
    height, width = size
    w, h = rng.uniform(0.3, 1, 2) * (width, height)
    if not 0.5 <= h / w <= 2:
        return None
    left, top = rng.uniform(0, (width - w, height - h))
    part = int(left), int(top), int(left + w), int(top + h)
    return part if part[0] < part[2] and part[1] < part[3] else None


def _centers_inside(boxes, part):
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    return ((part[:2] < centers) & (centers < part[2:])).all(axis=1)


def distort_colors(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes contrast, brightness, saturation, hue and order of channels.

    Contrast by a factor of 0.5 to 1.5, with probability 3/4: first of all in
    one half of the cases, and after hue and saturation in half of the others.
    The rest with probability 1/2 each: brightness by up to a fifth of the
    range; saturation by a factor of 0.5 to 1.5; hue by up to 24 degrees either
    way, in steps of 2, no further back than to red; the channels permuted.
    Source: version 0.1 of the authors' code, whose hues, in one byte, are
    whole steps of 2 degrees that do not get negative. Those of Pillow, in
    between, are steps of 1.4 degrees.

    Args:
        image: As above.
        rng: Source of all randomness.

    Returns:
        uint8 array of the same shape.
    """
    chances = rng.random(6) < 0.5
    factor = rng.uniform(0.5, 1.5)
    pixels = image.astype(np.float32)
    if chances[0]:
        pixels *= factor
    if chances[1]:
        pixels += rng.uniform(-0.2, 0.2) * 255
    saturation = rng.uniform(0.5, 1.5) if chances[2] else 1.0
    # Towards 0, which so is drawn twice as often as any other step.
    steps = int(rng.uniform(-0.05, 0.05) * 255) if chances[3] else 0
    image = shift_hue(_to_uint8(pixels), 2 * steps, saturation, stop=True)
    if chances[4] and not chances[0]:
        image = _to_uint8(image * np.float32(factor))
    if chances[5]:
        image = image[..., rng.permutation(3)]
    return image


def shift_hue(
    image: np.ndarray,
    degrees: float,
    saturation: float = 1.0,
    *,
    stop: bool = False,
) -> np.ndarray:
    """Turns the hue around its circle, and scales the saturation.

    Args:
        image: As above.
        degrees: Any angle; 120 turns red into green.
        saturation: Factor, at least 0.
        stop: Whether hues turned backwards end at red, 0 degrees, instead of
            coming out at the other end of the circle.

    Returns:
        uint8 array of the same shape.
    """
    image_module = import_optional("PIL.Image", extra="detection")
    hsv = image_module.fromarray(np.ascontiguousarray(image)).convert("HSV")
    values = np.array(hsv, np.float32)
    values[..., 0] += degrees / 360 * 256
    values[..., 0] = (values[..., 0].clip(0) if stop else values[..., 0]) % 256
    values[..., 1] *= saturation
    hsv = image_module.frombytes("HSV", hsv.size, _to_uint8(values).tobytes())
    return np.asarray(hsv.convert("RGB"))


def _to_uint8(values):
    return values.clip(0, 255).astype(np.uint8)


def flip(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirrors left and right.

    Args:
        image: As above, as are boxes.
        boxes: Any, n may be 0.

    Returns:
        The mirrored image and boxes.
    """
    width = image.shape[1]
    left, top, right, bottom = boxes.T
    boxes = np.stack([width - right, top, width - left, bottom], axis=1)
    return image[:, ::-1], boxes.astype(np.float32)
