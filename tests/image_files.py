"""Pictures as bytes, and folders and tars of them."""

import io
import tarfile

import numpy as np
from PIL import Image


def gradient(height, width):
    """Red counts columns, green rows; blue is constant."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    image[..., 2] = 77
    return image


def plain(value, height=8, width=8):
    """A picture of one grey."""
    return np.full((height, width, 3), value, np.uint8)


def encode(image, kind="PNG", **options):
    """The file of an array or of a Pillow image."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_folder(path, files):
    """Writes files, name -> bytes, and returns the path."""
    path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_tar(path, files, mode="w"):
    """Likewise, into a tar."""
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path
