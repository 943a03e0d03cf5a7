"""The size of a picture, without decoding its pixels."""

from __future__ import annotations

import os
from typing import BinaryIO

from keras_mobilevit.optional_imports import import_optional


def upright_size(
    source: str | os.PathLike | BinaryIO,
) -> tuple[int, int] | None:
    """`(height, width)` of a picture as it is shown.

    Args:
        source: Path of a picture, or an open file.

    Returns:
        Pixels, turned as its EXIF data says; `None` if it is no picture.
    """
    image_module = import_optional("PIL.Image", extra="runtime")
    exif = import_optional("PIL.ExifTags", extra="runtime")
    try:
        with image_module.open(source) as image:
            width, height = image.size
            turned = image.getexif().get(exif.Base.Orientation, 1) > 4
    # Pillow raises nearly anything on damaged files.
    except Exception:
        # Whoever reads it tells why.
        return None
    return (width, height) if turned else (height, width)
