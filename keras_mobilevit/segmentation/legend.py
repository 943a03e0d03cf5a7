"""Overlays that name their colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.configs import IGNORE_LABEL
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.segmentation.drawing import overlay, voc_palette

if TYPE_CHECKING:
    from PIL import Image

_BACKGROUND = "background"
# Height of letters as share of the picture's mean side.
_LETTER = 1 / 38


def class_shares(mask: np.ndarray) -> dict[int, float]:
    """Share of the pixels of each class that occurs, the largest first.

    Args:
        mask: Class ids, uint8 of any shape.
    """
    counts = np.bincount(mask.ravel())
    order = np.argsort(-counts, kind="stable")
    return {int(i): float(counts[i] / mask.size) for i in order if counts[i]}


def named_overlay(
    image: Image.Image | np.ndarray,
    mask: np.ndarray,
    labels: Sequence[str] = (),
    opacity: float = 0.6,
) -> Image.Image:
    """Lays a mask over its picture, and a legend with shares under it.

    Where the first class is the background, it stays as it is, and the
    colours are those of Pascal VOC. Other sets have no black class: their
    colours are the same from the second on.

    Args:
        image: As in `overlay`.
        mask: As in `overlay`.
        labels: Names of the classes; without any, their numbers are shown,
            and the first counts as the background.
        opacity: As in `overlay`.

    Returns:
        RGB picture of the same width, higher by the legend.

    Raises:
        ValueError: As in `overlay`.
    """
    palette = voc_palette()
    hidden = {IGNORE_LABEL}
    if not labels or labels[0] == _BACKGROUND:
        hidden.add(0)
    else:
        palette = np.roll(palette, -1, axis=0)
    names = {
        class_id: f"{labels[class_id] if labels else class_id} {share:.1%}"
        for class_id, share in class_shares(mask).items()
        if class_id not in hidden
    }
    drawn = overlay(image, mask, palette, opacity, hidden)
    return _add_legend(drawn, names, palette) if names else drawn


def _add_legend(
    image: Image.Image, names: Mapping[int, str], palette: np.ndarray
) -> Image.Image:
    """Puts names beside patches of their colours, under a picture."""
    font = import_optional("PIL.ImageFont", extra="runtime").load_default(
        max((image.width + image.height) / 2 * _LETTER, 10)
    )
    side = sum(font.getmetrics())
    gap = side // 2
    places, x, y = {}, gap, gap
    for class_id, name in names.items():
        width = round(side + gap + font.getlength(name))
        if x + width > image.width - gap and x > gap:
            x, y = gap, y + side + gap
        places[class_id] = (x, y)
        x += width + 2 * gap
    drawn = import_optional("PIL.Image", extra="runtime").new(
        "RGB", (image.width, image.height + y + side + gap), "white"
    )
    drawn.paste(image)
    draw = import_optional("PIL.ImageDraw", extra="runtime").Draw(drawn)
    for class_id, (x, y) in places.items():
        y += image.height
        draw.rectangle(
            (x, y, x + side, y + side),
            fill=tuple(palette[class_id].tolist()),
            outline="grey",
        )
        draw.text((x + side + gap, y), names[class_id], "black", font)
    return drawn
