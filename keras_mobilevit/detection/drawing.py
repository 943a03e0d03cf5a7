"""Boxes on pictures: one colour a class, names that can be read."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.detection.predictions import Detection
from keras_mobilevit.optional_imports import import_optional

if TYPE_CHECKING:
    from PIL import Image

# Turned by the golden ratio, the hues of any number of classes lie apart.
_TURN = (5**0.5 - 1) / 2
# Sides of lines and letters as shares of the picture's mean side.
_LINE, _LETTER = 1 / 200, 1 / 38


def class_color(class_index: int) -> tuple[int, int, int]:
    """Colour of a class, the same on every picture.

    Args:
        class_index: Class, from 1 on.

    Returns:
        Bright RGB in [0, 255].
    """
    # Every second class is a little darker: neighbours in hue differ too.
    value = (1.0, 0.8)[class_index % 2]
    color = colorsys.hsv_to_rgb(class_index * _TURN % 1, 0.85, value)
    return tuple(round(255 * share) for share in color)


def draw_detections(
    image: Image.Image | np.ndarray, detections: Iterable[Detection]
) -> Image.Image:
    """Draws boxes with the names and scores of what is in them.

    Lines and letters grow with the picture. Names stand above their boxes,
    and inside those that touch the upper edge. Where they overlap, the one of
    the highest score is drawn last.

    Args:
        image: RGB picture, or uint8 array `(height, width, 3)`.
        detections: With boxes in pixels of this picture.

    Returns:
        RGB picture of the same size; `image` stays as it is.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> found = detection.Detection(1, "cat", 0.9, (10.0, 20.0, 60.0, 80.0))
        >>> image = np.zeros((96, 120, 3), np.uint8)
        >>> detection.draw_detections(image, [found]).size
        (120, 96)
    """
    image_module = import_optional("PIL.Image", extra="runtime")
    if isinstance(image, np.ndarray):
        image = image_module.fromarray(image)
    image = image.convert("RGB")
    mean_side = (image.width + image.height) / 2
    line = max(round(mean_side * _LINE), 1)
    font = import_optional("PIL.ImageFont", extra="runtime").load_default(
        max(mean_side * _LETTER, 10)
    )
    draw = import_optional("PIL.ImageDraw", extra="runtime").Draw(image)
    # Pillow cuts fractions off, so that rounding errors would show.
    detections = [
        d._replace(box=tuple(map(round, d.box)))
        for d in sorted(detections, key=lambda d: d.score)
    ]
    for detection in detections:
        color = class_color(detection.class_index)
        draw.rectangle(detection.box, outline=color, width=line)
    # No line crosses a name.
    for detection in detections:
        _draw_label(draw, detection, font, line)
    return image


def _draw_label(draw, detection, font, line):
    color = class_color(detection.class_index)
    text = f"{detection.name} {detection.score:.0%}"
    left, top, right, bottom = draw.textbbox((0, 0), text, font, anchor="ls")
    # As high as the tallest letters, so that all labels are alike.
    ascent, descent = font.getmetrics()
    width, height = right - left + 2 * line, ascent + descent
    picture_width, _ = draw.im.size
    x = max(min(detection.box[0], picture_width - width), 0)
    y = detection.box[1] - height
    if y < 0:
        y = detection.box[1]
    draw.rectangle((x, y, x + width, y + height), fill=color)
    draw.text((x + line, y + ascent), text, _ink(color), font, anchor="ls")


def _ink(color):
    """Black on light colours, white on dark ones."""
    red, green, blue = color
    # Luma of ITU-R BT.601, as Pillow has it.
    return "black" if 299 * red + 587 * green + 114 * blue > 128e3 else "white"
