"""Picture files of many formats, and the pixels that Pillow reads from them."""

from __future__ import annotations

import io
import pathlib

import numpy as np
from demo import photo
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from golden_values.writing import write_array, write_json
from keras_mobilevit.images import open_image

_ORIENTATION = 0x0112
# 4:4:4, 4:2:2 and 4:2:0, as Pillow counts them.
_SAMPLINGS = {"444": 0, "422": 1, "420": 2}


def write(folder: pathlib.Path) -> None:
    """Writes `picture_files/`: files, their RGB bytes, and `cases.json`."""
    folder = folder / "picture_files"
    folder.mkdir(parents=True)
    cases = []
    lossy = {**_lossy(), **_turned()}
    for name, content in {**lossy, **_lossless()}.items():
        (folder / name).write_bytes(content)
        pixels = np.asarray(open_image(content))
        cases.append(
            {
                "file": name,
                "shape": pixels.shape[:2],
                "pixels": write_array(folder / f"{name}.rgb", pixels),
                "is_lossy": name in lossy,
            }
        )
    write_json(folder / "cases.json", cases)


def _lossy() -> dict[str, bytes]:
    """JPEG files of each subsampling, some with odd sides, and others."""
    files = {}
    for sampling, code in _SAMPLINGS.items():
        for width, height, quality in ((333, 251, 90), (17, 9, 60)):
            name = f"{sampling}_{width}x{height}_q{quality}.jpg"
            files[name] = _encode(
                _cut(width, height), "JPEG", quality=quality, subsampling=code
            )
    picture = _cut(161, 120)
    files["progressive.jpg"] = _encode(picture, "JPEG", progressive=True)
    files["gray.jpg"] = _encode(picture.convert("L"), "JPEG")
    files["cmyk.jpg"] = _encode(picture.convert("CMYK"), "JPEG")
    files["lossy.webp"] = _encode(picture, "WEBP", quality=90)
    files["profile.jpg"] = _encode(
        picture, "JPEG", icc_profile=_swapped_profile()
    )
    return files


def _turned() -> dict[str, bytes]:
    """The same JPEG in each of the eight orientations of EXIF."""
    files = {}
    for orientation in range(1, 9):
        files[f"orientation_{orientation}.jpg"] = _encode(
            _cut(75, 53), "JPEG", quality=95, exif=_exif(orientation)
        )
    return files


def _lossless() -> dict[str, bytes]:
    """Files whose pixels every decoder must agree on."""
    picture = _cut(75, 53)
    rng = np.random.default_rng(0)
    alpha = rng.integers(0, 256, (53, 75), np.uint8)
    alpha[:10], alpha[-10:] = 0, 255
    clear = picture.copy()
    clear.putalpha(Image.fromarray(alpha))
    gamma = PngInfo()
    gamma.add(b"gAMA", (100_000).to_bytes(4, "big"))
    palette = picture.quantize(16)
    return {
        "rgb.png": _encode(picture, "PNG"),
        "gray.png": _encode(picture.convert("L"), "PNG"),
        "alpha.png": _encode(clear, "PNG"),
        "gray_alpha.png": _encode(clear.convert("LA"), "PNG"),
        "palette.png": _encode(palette, "PNG"),
        "clear_palette.png": _encode(palette, "PNG", transparency=3),
        "turned.png": _encode(picture, "PNG", exif=_exif(6)),
        "gamma.png": _encode(picture, "PNG", pnginfo=gamma),
        "profile.png": _encode(picture, "PNG", icc_profile=_swapped_profile()),
        "palette.gif": _encode(palette, "GIF"),
        "rgb.webp": _encode(picture, "WEBP", lossless=True),
        "alpha.webp": _encode(clear, "WEBP", lossless=True, exact=True),
        "rgb.bmp": _encode(picture, "BMP"),
    }


def _cut(width: int, height: int) -> Image.Image:
    """A part of a photo, as large as wanted."""
    pixels = photo("chelsea.png")[20 : 20 + height, 60 : 60 + width]
    return Image.fromarray(pixels)


def _encode(image: Image.Image, format: str, **options) -> bytes:
    content = io.BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def _swapped_profile() -> bytes:
    """A colour profile that exchanges red and blue, if it is heeded."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    red, blue, none = b"rXYZ", b"bXYZ", b"----"
    swapped = profile.tobytes().replace(red, none)
    return swapped.replace(blue, red).replace(none, blue)
