"""Pictures of odd sizes, and what Pillow makes of them."""

from __future__ import annotations

import pathlib

import numpy as np

from golden_values.writing import image_fields, write_array, write_json
from keras_mobilevit.images import fit_input, open_image
from keras_mobilevit.model_info import ImageSpec

# (height, width) of the picture and of the input, and what else the spec says.
CASES = [
    ((1, 1), (32, 32), {}),
    ((2, 3), (7, 5), {}),
    ((53, 75), (96, 96), {}),
    ((75, 53), (96, 96), {"pre_resize": 32}),
    ((480, 640), (256, 256), {"crop_pct": 0.875}),
    ((641, 479), (224, 192), {"crop_pct": 0.9}),
    ((767, 1023), (256, 256), {"crop_pct": 256 / 288}),
    ((500, 3), (32, 48), {}),
    ((3, 500), (48, 32), {}),
    ((96, 96), (96, 96), {}),
    ((96, 97), (96, 96), {}),
    ((97, 96), (96, 96), {"crop_pct": 0.5}),
    ((31, 17), (224, 224), {"pre_resize": 48}),
    ((33, 33), (65, 129), {"pre_resize": 33}),
    ((200, 301), (64, 96), {"crop_mode": "squash"}),
    ((64, 301), (64, 96), {"crop_mode": "squash"}),
    ((301, 96), (64, 96), {"crop_mode": "squash"}),
    ((5, 7), (320, 320), {"crop_mode": "squash"}),
    ((1999, 3), (11, 13), {"crop_mode": "squash"}),
    ((255, 257), (127, 131), {"crop_pct": 0.33, "pre_resize": 61}),
    ((1200, 1600), (96, 96), {"pre_resize": 32, "crop_pct": 1.0}),
    ((122, 123), (61, 61), {"crop_pct": 0.999}),
]


def write(folder: pathlib.Path) -> None:
    """Writes `pictures/`: `cases.json`, and RGB bytes before and after."""
    folder = folder / "pictures"
    cases = []
    for index, (shape, size, fields) in enumerate(CASES):
        picture = make_picture(shape, index)
        spec = ImageSpec(size=size, **fields)
        fitted = np.asarray(fit_input(open_image(picture), size, spec))
        cases.append(
            {
                "picture": write_array(folder / f"{index}.rgb", picture),
                "shape": shape,
                "image": image_fields(spec),
                "fitted": write_array(folder / f"{index}.fitted", fitted),
            }
        )
    write_json(folder / "cases.json", cases)


def make_picture(shape: tuple[int, int], seed: int) -> np.ndarray:
    """RGB of `(height, width)`: noise, and blocks with hard edges."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (*shape, 3), np.uint8)
    height, width = shape
    picture[: height // 3, : width // 2] = 255
    picture[height // 2 :, width // 2 :, 1] = 0
    return picture
