"""One picture: the way in for prediction, calibration and evaluation.

A picture is resized, bilinear and with antialiasing, until it covers the
input, and cropped at its centre. Pixels stay RGB in [0, 255]; the models
scale them.
"""

from __future__ import annotations

import io
import os
import pathlib
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from keras_mobilevit.deprecation import moved_name, warn_moved
from keras_mobilevit.lazy import resolve
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.renamed import takes_old_names

if TYPE_CHECKING:
    from PIL import Image

    # A path, the bytes of a file, a Pillow image, or an array of RGB pixels
    # (height, width, 3) in [0, 255].
    ImageSource: TypeAlias = (
        str | os.PathLike | bytes | Image.Image | np.ndarray
    )

# What Pillow refuses to decode is about as large: half a gigabyte in memory.
MAX_PIXELS = 2**27


@takes_old_names
def load_image(
    source: ImageSource,
    size: tuple[int, int],
    crop_pct: float = 1.0,
    pre_resize: int = 0,
) -> np.ndarray:
    """Reads one picture the way the models expect it.

    Args:
        source: As in `open_image`.
        size: `(height, width)` of the model's input, in pixels.
        crop_pct: Share of the resized picture's tighter side that is
            kept, in (0, 1]. 256 / 288 is the paper's test preprocessing.
        pre_resize: Shorter side to reduce the picture to before it gets its
            size, for models trained on enlarged images; 0 for none.

    Returns:
        uint8 array `(height, width, 3)`, RGB in [0, 255].

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a picture, or as in `fit_image`.
    """
    image = open_image(source)
    return np.asarray(fit_image(image, size, crop_pct, pre_resize))


def load_input(
    source: ImageSource,
    size: tuple[int, int],
    spec: ImageSpec,
    channels: int = 3,
) -> np.ndarray:
    """Reads one picture as the description of a model says.

    Args:
        source: As in `open_image`.
        size: `(height, width)` of the model's input, in pixels.
        spec: Crop, reduction and channel order; the pixels are not scaled.
        channels: Channels of the model's input: 3, or 1 for luma.

    Returns:
        uint8 array `(height, width, channels)`, in [0, 255].

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a picture, or the model has other channels.
    """
    return arrange_channels(load_rgb(source, size, spec), spec, channels)


def load_rgb(
    source: ImageSource, size: tuple[int, int], spec: ImageSpec
) -> np.ndarray:
    """As `load_input`, before the channels are arranged: always RGB."""
    return fit_input(open_image(source), size, spec)


def fit_input(
    image: Image.Image, size: tuple[int, int], spec: ImageSpec
) -> np.ndarray:
    """Brings an open picture to the size of a model's input.

    Args:
        image: RGB picture.
        size: `(height, width)` of the model's input, in pixels.
        spec: Says whether it is cropped, and how much.

    Returns:
        uint8 array `(height, width, 3)`, RGB in [0, 255].

    Raises:
        ValueError: As in `fit_image`.
    """
    if spec.crop_mode == "squash":
        return _squash(image, size)
    return np.asarray(fit_image(image, size, spec.crop_pct, spec.pre_resize))


def arrange_channels(
    image: np.ndarray, spec: ImageSpec, channels: int = 3
) -> np.ndarray:
    """RGB pixels in the channels that a model expects.

    Args:
        image: `(height, width, 3)`, RGB; uint8, if it becomes luma. Else any
            number of axes may stand in front.
        spec: Says the order of the channels.
        channels: Channels of the model's input: 3, or 1 for luma.

    Returns:
        Array `(height, width, channels)`.

    Raises:
        ValueError: If the model has other channels.
    """
    if channels not in (1, 3):
        raise ValueError(
            f"A picture does not say what to put in {channels} channels: "
            "make an array, and give it to the model's own `predict`."
        )
    if channels == 1:
        pillow = import_optional("PIL.Image", extra="runtime")
        return np.asarray(pillow.fromarray(image).convert("L"))[..., None]
    return image[..., ::-1] if spec.channel_order == "bgr" else image


def open_image(source: ImageSource) -> Image.Image:
    """Decodes one picture.

    Args:
        source: Path of a picture, the bytes of its file, a Pillow image, or
            an array of RGB pixels `(height, width, 3)` in [0, 255], which are
            rounded to 8 bits.

    Returns:
        RGB picture, as `to_rgb` makes it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a picture, or damaged.
    """
    image_module = import_optional("PIL.Image", extra="runtime")
    name = source
    if isinstance(source, bytes):
        name, source = f"<{len(source)} bytes>", io.BytesIO(source)
    elif isinstance(source, str | os.PathLike):
        if not pathlib.Path(source).is_file():
            raise FileNotFoundError(f"There is no picture at {source}.")
    elif not isinstance(source, image_module.Image):
        return image_module.fromarray(_to_pixels(source))
    try:
        if isinstance(source, image_module.Image):
            return to_rgb(source)
        with image_module.open(source) as image:
            _check_header(image)
            return to_rgb(image)
    # Pillow's decoders raise nearly anything on damaged files.
    except Exception as error:
        raise ValueError(
            f"Not a readable picture: {name} ({error})."
        ) from error


def _to_pixels(source):
    """The uint8 array of whatever can be taken for one."""
    if not hasattr(source, "__array__"):
        raise ValueError(
            "A picture must be a path, the bytes of a file, a Pillow image or "
            "an array (height, width, 3) of RGB pixels. Received: "
            f"{source!r:.80}"
        )
    pixels = np.asarray(source)
    if (
        pixels.ndim != 3
        or pixels.shape[2] != 3
        or not pixels.size
        or pixels.dtype.kind not in "uif"
    ):
        raise ValueError(
            "The array of a picture must have the shape (height, width, 3), "
            "and hold RGB pixels in [0, 255]. Received: shape "
            f"{pixels.shape}, {pixels.dtype}"
        )
    if pixels.dtype == np.uint8:
        return pixels
    low, high = pixels.min(), pixels.max()
    # NaN is in no range.
    if not (low >= 0 and high <= 255):
        raise ValueError(
            "The pixels of an array must be in [0, 255], before any scaling: "
            f"the model does that itself. Received: {low:g} to {high:g}"
        )
    if pixels.dtype.kind == "f" and 0 < high <= 1:
        warnings.warn(
            f"The pixels of an array should reach from 0 to 255; these end at "
            f"{high:g}, which is black. If they were scaled to [0, 1], "
            "multiply them by 255.",
            stacklevel=3,
        )
    return np.round(pixels).astype(np.uint8)


def _check_header(image):
    """Refuses a picture before its pixels are decoded.

    Raises:
        ValueError: If it has too many, or another program would decode it.
    """
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"it must have at most {MAX_PIXELS:,} pixels. Received: "
            f"{image.width}x{image.height}"
        )
    if image.format in ("EPS", "WMF"):
        raise ValueError(f"it is {image.format}, which is not read")


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture upright, as its EXIF data says, and in RGB.

    Of an animation, the frame it stands at. Transparency is dropped, and 16
    bits become 8.
    """
    image = import_optional("PIL.ImageOps", extra="runtime").exif_transpose(
        image
    )
    if image.mode.startswith("I"):
        # 16 bits a pixel, which Pillow would clip and not scale.
        # A table takes less memory than a float for each pixel.
        table = np.round(np.arange(2**16) / 257).astype(np.uint8)
        values = np.clip(np.asarray(image), 0, 2**16 - 1)
        image = import_optional("PIL.Image", extra="runtime").fromarray(
            table[values]
        )
    if image.mode == "P":
        image = image.convert("RGBA")
    return image.convert("RGB")


def fit_image(
    image: Image.Image,
    size: tuple[int, int],
    crop_pct: float = 1.0,
    pre_resize: int = 0,
) -> Image.Image:
    """Brings a picture to a size: scaled until it covers it, then cropped.

    Args:
        image: RGB picture.
        size: As in `load_image`.
        crop_pct: As in `load_image`.
        pre_resize: As in `load_image`.

    Raises:
        ValueError: If the picture is so elongated that, scaled, it would
            have more than `MAX_PIXELS`.
    """
    resampling = import_optional(
        "PIL.Image", extra="runtime"
    ).Resampling.BILINEAR
    height, width = pre_resized_shape(size, pre_resize)
    scaled_height, scaled_width = covering_shape(
        (image.height, image.width), (height, width), crop_pct
    )
    image = image.resize((scaled_width, scaled_height), resampling)
    left = (image.width - width) // 2
    top = (image.height - height) // 2
    image = image.crop((left, top, left + width, top + height))
    return image.resize(size[::-1], resampling) if pre_resize else image


def covering_shape(
    shape: tuple[int, int], size: tuple[int, int], crop_pct: float = 1.0
) -> tuple[int, int]:
    """`(height, width)` that a picture is scaled to, to be cropped to a size.

    Args:
        shape: `(height, width)` of the picture, in pixels.
        size: `(height, width)` of the centre that is kept, in pixels.
        crop_pct: As in `load_image`.

    Raises:
        ValueError: If it has more than `MAX_PIXELS`.
    """
    scale = max(
        kept / crop_pct / side for kept, side in zip(size, shape, strict=True)
    )
    height, width = (
        max(round(side * scale), kept)
        for kept, side in zip(size, shape, strict=True)
    )
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"A picture of {shape[1]}x{shape[0]} pixels is too elongated to "
            f"cover {size[1]}x{size[0]}."
        )
    return height, width


def pre_resized_shape(
    size: tuple[int, int], pre_resize: int
) -> tuple[int, int]:
    """`(height, width)` that a picture is reduced to before it gets its size.

    Args:
        size: `(height, width)` in pixels.
        pre_resize: The shorter side of the result; 0 for `size` itself.
    """
    if not pre_resize:
        return size
    factor = pre_resize / min(size)
    return round(size[0] * factor), round(size[1] * factor)


def load_whole(
    sources: Iterable[ImageSource], size: tuple[int, int]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Reads pictures the way the networks for dense prediction expect them.

    Each is resized whole, whatever its shape, bilinearly and with
    antialiasing. Its EXIF data is heeded.

    Args:
        sources: Pictures, each as in `open_image`.
        size: `(height, width)` of the model's input, in pixels.

    Returns:
        The images, uint8 `(n, height, width, 3)`, RGB in [0, 255], and
        `(height, width)` of each upright picture.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If one is not a picture, or there is none.
    """
    if isinstance(sources, (str, bytes, os.PathLike)):
        raise ValueError(
            f"`sources` must be a list of pictures. Received: {sources!r:.80}"
        )
    images, sizes = [], []
    for source in sources:
        image = open_image(source)
        sizes.append((image.height, image.width))
        images.append(_squash(image, size))
    if not images:
        raise ValueError("`sources` holds no picture.")
    return np.stack(images), sizes


def _squash(image, size):
    pillow = import_optional("PIL.Image", extra="runtime")
    return np.asarray(image.resize(size[::-1], pillow.Resampling.BILINEAR))


@takes_old_names
def random_crops(
    image: np.ndarray,
    count: int,
    size: tuple[int, int],
    seed: int = 0,
    pre_resize: int = 0,
) -> list[np.ndarray]:
    """Cuts square pieces out of a picture and scales them to a size.

    Args:
        image: uint8 array `(height, width, 3)`.
        count: Number of pieces.
        size: `(height, width)` of the results, in pixels.
        seed: The same seed gives the same pieces.
        pre_resize: As in `load_image`.

    Returns:
        uint8 arrays `(*size, 3)`, of between half and all of the picture's
        shorter side.
    """
    image_module = import_optional("PIL.Image", extra="runtime")
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    crops = []
    for _ in range(count):
        side = int(min(height, width) * rng.uniform(0.5, 1.0))
        top = rng.integers(0, height - side + 1)
        left = rng.integers(0, width - side + 1)
        piece = image[top : top + side, left : left + side]
        piece = image_module.fromarray(piece)
        sides = (pre_resize, pre_resize) if pre_resize else size[::-1]
        for target in (sides, size[::-1]):
            piece = piece.resize(target, image_module.Resampling.BILINEAR)
        crops.append(np.asarray(piece))
    return crops


# === Names that moved ===

_MOVED = {
    name: f"keras_mobilevit.image_folders.{name}"
    for name in (
        "IMAGE_SUFFIXES",
        "LabelledFile",
        "image_names",
        "iterate_files",
        "label_of",
        "list_all",
        "list_files",
        "load_readable",
        "read_files",
        "require_class_pictures",
        "take_evenly",
    )
}


def __getattr__(name: str) -> Any:
    return moved_name(__name__, name, _MOVED)


def count_files(source: str | os.PathLike, limit: int | None = None) -> int:
    """Number of names in `list_files`. Deprecated: use `len` of those.

    Warns:
        DeprecationWarning: Always.
    """
    warn_moved(f"{__name__}.count_files", "len(image_folders.list_files(...))")
    list_files = resolve("keras_mobilevit.image_folders:list_files")
    return len(list_files(source, limit))
