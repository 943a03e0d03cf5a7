"""Where drawn pictures go."""

from __future__ import annotations

import io
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.image_folders import IMAGE_SUFFIXES
from keras_mobilevit.optional_imports import import_optional

if TYPE_CHECKING:
    from PIL import Image

# Of JPEG and WebP, in percent: no blocks around letters.
_QUALITY = 92


def output_paths(
    sources: Sequence[str | os.PathLike], target: str | os.PathLike
) -> list[pathlib.Path]:
    """A file for each picture.

    Args:
        sources: Paths of pictures.
        target: A picture to write, if there is one source; or a folder, in
            which they keep their names, but become PNG files if they are of
            a format that is not written.

    Raises:
        ValueError: If `target` is neither, one file would be written twice,
            or a source over.
    """
    target = pathlib.Path(target)
    if target.is_dir() or not target.suffix:
        paths = [target / _written(pathlib.Path(s)) for s in sources]
    elif target.suffix.lower() not in IMAGE_SUFFIXES:
        raise ValueError(
            f"A picture must end in one of {sorted(IMAGE_SUFFIXES)}. "
            f"Received: {target}"
        )
    elif len(sources) > 1:
        raise ValueError(
            f"{len(sources)} pictures can not all go into {target}: name a "
            "folder."
        )
    else:
        paths = [target]
    taken = {pathlib.Path(source).resolve() for source in sources}
    for path in paths:
        if path.resolve() in taken:
            raise ValueError(
                f"{path} is one of the pictures, or would be written twice."
            )
        taken.add(path.resolve())
    return paths


def _written(source):
    name = pathlib.Path(source.name)
    known = name.suffix.lower() in IMAGE_SUFFIXES
    return name if known else name.with_suffix(".png")


def save_image(image: Image.Image, path: str | os.PathLike) -> None:
    """Writes a picture, in the format of its suffix, whole or not at all.

    Args:
        image: RGB picture.
        path: File to write, as `output_paths` names it.
    """
    formats = import_optional(
        "PIL.Image", extra="runtime"
    ).registered_extensions()
    buffer = io.BytesIO()
    suffix = pathlib.Path(path).suffix.lower()
    image.save(buffer, formats[suffix], quality=_QUALITY)
    atomic_write(path, buffer.getvalue())
