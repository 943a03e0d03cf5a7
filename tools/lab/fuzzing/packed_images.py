"""Small shards, to the byte the same in each process that makes them."""

from __future__ import annotations

import pathlib
import tempfile

from PIL import Image

from keras_mobilevit.training.packing import pack
from keras_mobilevit.training.shards import INDEX


def write_shards(folder: pathlib.Path) -> list[pathlib.Path]:
    """Packs six images into two tars.

    Args:
        folder: Folder to write.

    Returns:
        The index and the first tar.
    """
    with tempfile.TemporaryDirectory() as name:
        pictures = pathlib.Path(name)
        for i in range(6):
            path = pictures / f"class{i % 3}" / f"{i}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("L", (64, 48), 40 * i).save(path)
        pack(pictures, folder, shards=2)
    return [folder / INDEX, min(folder.glob("*.tar"))]
