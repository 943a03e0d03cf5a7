"""Pixels as values of input tensors, quantized or not."""

from __future__ import annotations

import pathlib

import numpy as np

from golden_values.pictures import make_picture
from golden_values.writing import image_fields, write_array, write_json
from keras_mobilevit.images import arrange_channels
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.pixel_scaling import SCALINGS, scaling_of
from keras_mobilevit.tflite.runtime import quantize_pixels
from keras_mobilevit.tflite.self_test_values import self_test_input

SIGNED, IMAGENET = SCALINGS["signed"], SCALINGS["imagenet"]
UNIT = SCALINGS["unit"]
# Type, scale and zero point of the tensor, its channels, and the spec.
CASES = [
    ("float32", 0.0, 0, 3, {}),
    ("float32", 0.0, 0, 3, {"channel_order": "bgr"}),
    ("float32", 0.0, 0, 1, {"channel_order": "gray"}),
    ("float32", 0.0, 0, 3, {"scale": UNIT.scale}),
    (
        *("float32", 0.0, 0, 3),
        {"scale": IMAGENET.scale, "offset": IMAGENET.offset},
    ),
    ("int8", 1.0, -128, 3, {}),
    ("int8", 1.0, -128, 1, {"channel_order": "gray"}),
    ("int8", 1.003921628, -128, 3, {"channel_order": "bgr"}),
    ("int8", 2.0, -64, 3, {}),
    ("uint8", 1.0, 0, 3, {}),
    ("uint8", 0.9960938, 3, 3, {}),
    ("uint8", 0.0, 0, 3, {}),
    ("int16", 0.0077821, 0, 3, {}),
    (
        *("int8", 0.00784314, -1, 3),
        {"scale": SIGNED.scale, "offset": SIGNED.offset},
    ),
    (
        *("int8", 0.0186584, -14, 3),
        {
            "scale": IMAGENET.scale,
            "offset": IMAGENET.offset,
            "channel_order": "bgr",
        },
    ),
    ("int32", 0.0, 0, 3, {}),
]
SIZE = (33, 29)
SELF_TESTS = ((5, 7, 3), (96, 96, 3), (33, 64, 1), (1, 1, 4), (320, 511, 3))


def write(folder: pathlib.Path) -> None:
    """Writes `inputs/`: one picture, and what tensors get of it."""
    folder = folder / "inputs"
    # All values of a pixel, in each channel.
    picture = make_picture(SIZE, 0)
    picture.reshape(-1, 3)[:256] = np.arange(256)[:, None]
    write_array(folder / "picture.rgb", picture)
    cases = []
    for index, (dtype, scale, zero_point, channels, fields) in enumerate(CASES):
        spec = ImageSpec(size=SIZE, **fields)
        # As LiteRT gives it: single precision, in a Python float.
        quantization = (float(np.float32(scale)), zero_point)
        details = {"dtype": np.dtype(dtype).type, "quantization": quantization}
        scaling = scaling_of(spec)
        pixels = arrange_channels(picture, spec, channels)
        test = self_test_input((*SIZE, channels))
        # As `ImageModel.set_image` and `check_self_test` do.
        scaled = pixels if scaling.is_identity else scaling.apply(pixels)
        cases.append(
            {
                "dtype": dtype,
                "scale": quantization[0],
                "zero_point": zero_point,
                "channels": channels,
                "image": image_fields(spec),
                "values": write_array(
                    folder / f"{index}.values",
                    quantize_pixels(scaled, details, scaling.is_identity),
                ),
                "self_test": write_array(
                    folder / f"{index}.self_test",
                    quantize_pixels(
                        scaling.apply(test), details, scaling.is_identity
                    ),
                ),
            }
        )
    write_json(folder / "cases.json", cases)
    for shape in SELF_TESTS:
        name = "x".join(map(str, shape))
        write_array(folder / f"self_test_{name}.rgb", self_test_input(shape))
