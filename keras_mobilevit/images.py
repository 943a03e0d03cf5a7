"""Pictures from files: the one way in for prediction, calibration, evaluation.

A picture is resized, bilinear and with antialiasing, until it covers the
input, and cropped at its centre. Pixels stay RGB in [0, 255]; the models
scale them.
"""

from __future__ import annotations

import io
import os
import pathlib
import tarfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from keras_mobilevit.extras import require

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})


class LabelledFile(NamedTuple):
    """One picture of a folder or tar.

    Attributes:
        name: Path inside the folder or tar, with forward slashes.
        label: Name of the folder that holds it; empty at the top level.
        data: The file's bytes.
    """

    name: str
    label: str
    data: bytes


def load_image(
    source: str | os.PathLike | bytes,
    size: tuple[int, int],
    crop_fraction: float = 1.0,
    native_size: int = 0,
) -> np.ndarray:
    """Reads one picture the way the models expect it.

    Args:
        source: Path of a picture, or its bytes.
        size: `(height, width)` of the model's input, in pixels.
        crop_fraction: Share of the resized picture's tighter side that is
            kept, in (0, 1]. 256 / 288 is the paper's test preprocessing.
        native_size: Shorter side to reduce the picture to before it gets its
            size, for models trained on enlarged images; 0 for none.

    Returns:
        uint8 array `(height, width, 3)`, RGB in [0, 255].

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a picture.
    """
    image_module = require("PIL.Image", extra="tflite")
    ops_module = require("PIL.ImageOps", extra="tflite")
    name = source
    if isinstance(source, bytes):
        name, source = f"<{len(source)} bytes>", io.BytesIO(source)
    elif not pathlib.Path(source).is_file():
        raise FileNotFoundError(f"There is no picture at {source}.")
    try:
        with image_module.open(source) as image:
            image = _to_rgb(ops_module.exif_transpose(image))
    # Pillow's decoders raise nearly anything on damaged files.
    except Exception as error:
        raise ValueError(
            f"Not a readable picture: {name} ({error})."
        ) from error

    height, width = size
    if native_size:
        factor = native_size / min(size)
        height, width = round(height * factor), round(width * factor)
    scale = max(
        height / crop_fraction / image.height,
        width / crop_fraction / image.width,
    )
    image = image.resize(
        (
            max(round(image.width * scale), width),
            max(round(image.height * scale), height),
        ),
        image_module.Resampling.BILINEAR,
    )
    left = (image.width - width) // 2
    top = (image.height - height) // 2
    image = image.crop((left, top, left + width, top + height))
    if native_size:
        image = image.resize(size[::-1], image_module.Resampling.BILINEAR)
    return np.asarray(image)


def _to_rgb(image):
    if image.mode.startswith("I"):
        # 16 bits a pixel, which Pillow would clip and not scale.
        values = np.asarray(image, np.float64) / 257
        image = require("PIL.Image", extra="tflite").fromarray(
            np.clip(np.round(values), 0, 255).astype(np.uint8)
        )
    if image.mode == "P":
        image = image.convert("RGBA")
    return image.convert("RGB")


def random_crops(
    image: np.ndarray,
    count: int,
    size: tuple[int, int],
    seed: int = 0,
    native_size: int = 0,
) -> list[np.ndarray]:
    """Cuts square pieces out of a picture and scales them to a size.

    Args:
        image: uint8 array `(height, width, 3)`.
        count: Number of pieces.
        size: `(height, width)` of the results, in pixels.
        seed: The same seed gives the same pieces.
        native_size: As in `load_image`.

    Returns:
        uint8 arrays `(*size, 3)`, of between half and all of the picture's
        shorter side.
    """
    image_module = require("PIL.Image", extra="tflite")
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    crops = []
    for _ in range(count):
        side = int(min(height, width) * rng.uniform(0.5, 1.0))
        top = rng.integers(0, height - side + 1)
        left = rng.integers(0, width - side + 1)
        piece = image[top : top + side, left : left + side]
        piece = image_module.fromarray(piece)
        sides = (native_size, native_size) if native_size else size[::-1]
        for target in (sides, size[::-1]):
            piece = piece.resize(target, image_module.Resampling.BILINEAR)
        crops.append(np.asarray(piece))
    return crops


def count_files(source: str | os.PathLike, limit: int | None = None) -> int:
    """Number of pictures that `iterate_files` would give."""
    return len(list_files(source, limit))


def iterate_files(
    source: str | os.PathLike, limit: int | None = None
) -> Iterator[LabelledFile]:
    """Yields the pictures of a folder or a tar, sorted by name.

    Args:
        source: Folder or tar; pictures may lie at the top or in folders that
            name their class.
        limit: Yield at most so many, evenly spread over all of them.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it holds no picture.
    """
    yield from read_files(source, list_files(source, limit))


def list_files(
    source: str | os.PathLike, limit: int | None = None
) -> list[str]:
    """Names of the pictures that `iterate_files` would give.

    Args:
        source: As in `iterate_files`.
        limit: Likewise.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If it holds no picture.
    """
    source = pathlib.Path(source)
    if source.is_dir():
        files = (
            path.relative_to(source).as_posix()
            for path in source.rglob("*")
            if path.is_file()
        )
    elif source.is_file():
        try:
            with tarfile.open(source) as tar:
                files = [m.name for m in tar.getmembers() if m.isfile()]
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(
                f"Expected a folder of pictures or a tar of one at {source}. "
                f"Received a file that is no tar ({error})."
            ) from error
    else:
        raise FileNotFoundError(
            f"There is no folder or tar of pictures at {source}."
        )
    names = sorted(
        name
        for name in files
        if pathlib.PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
    )
    if not names:
        raise ValueError(
            f"{source} holds no picture. Expected files ending in one of "
            f"{sorted(IMAGE_SUFFIXES)}."
        )
    if limit is None:
        return names
    if limit < 1:
        raise ValueError(f"`limit` must be at least 1. Received: {limit}")
    return names[:: max(len(names) // limit, 1)][:limit]


def read_files(
    source: str | os.PathLike, names: Iterable[str]
) -> Iterator[LabelledFile]:
    """Yields some pictures of a folder or a tar, in the order asked for.

    Args:
        source: As in `iterate_files`.
        names: Names out of `list_files`.
    """
    source = pathlib.Path(source)
    if source.is_dir():
        for name in names:
            yield _labelled(name, (source / name).read_bytes())
        return
    with tarfile.open(source) as tar:
        # By name, `tarfile` would search its whole list for each picture.
        members = {member.name: member for member in tar.getmembers()}
        for name in names:
            yield _labelled(name, tar.extractfile(members[name]).read())


def label_of(name: str) -> str:
    """Name of the folder that holds a picture; empty at the top level."""
    return pathlib.PurePosixPath(name).parent.name


def _labelled(name, data):
    return LabelledFile(name, label_of(name), data)
