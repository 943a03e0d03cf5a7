"""Activation ranges from sample images.

The quantizer's own calibration averages the ranges of the images, which cuts
off what the brighter half of them needs. Here each image's range is kept, and
the ranges are merged at a percentile over the images.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
from tqdm import tqdm

from keras_mobilevit.extras import require


def calibrate(
    float_model: bytes,
    images: Iterable[np.ndarray],
    percentile: float = 100.0,
) -> tuple[dict[str, dict[str, np.ndarray]], int]:
    """Runs images through a float graph and merges the ranges they give.

    Args:
        float_model: float32 `.tflite` file with one input.
        images: Arrays `(height, width, channels)`, pixels in [0, 255].
        percentile: Percentile over the images, in (50, 100], at which the
            largest values (and, mirrored, the smallest) are taken; 100 is
            the overall minimum and maximum.

    Returns:
        `(ranges, count)`: tensor name to `{"min", "max"}`, arrays of one
        element, for every activation; and the number of images.

    Raises:
        ValueError: If there is no image, or pixels are not in [0, 255].
    """
    litert = require("ai_edge_litert.interpreter", extra="tflite")
    with warnings.catch_warnings():
        # LiteRT warns that keeping all tensors takes memory: it is meant to.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = litert.Interpreter(
            model_content=float_model,
            experimental_op_resolver_type=(
                litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            ),
            experimental_preserve_all_tensors=True,
        )
    interpreter.allocate_tensors()
    (image_input,) = interpreter.get_input_details()
    activations = {
        tensor["name"]: tensor["index"]
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] == np.float32
    }
    lows, highs = [], []
    for image in tqdm(images, desc="calibrating", disable=None):
        _check_pixels(image)
        interpreter.set_tensor(
            image_input["index"], image[None].astype(np.float32)
        )
        interpreter.invoke()
        values = [interpreter.get_tensor(i) for i in activations.values()]
        lows.append([value.min() for value in values])
        highs.append([value.max() for value in values])
    if not lows:
        raise ValueError(
            "Calibration needs images, about a hundred of the kind that the "
            "model will see. Received: none"
        )
    low = np.percentile(lows, 100 - percentile, axis=0).astype(np.float32)
    high = np.percentile(highs, percentile, axis=0).astype(np.float32)
    ranges = {
        name: {"min": low[i : i + 1], "max": high[i : i + 1]}
        for i, name in enumerate(activations)
    }
    return ranges, len(lows)


def _check_pixels(image):
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 255 or (image.dtype.kind == "f" and 0 < high <= 1):
        raise ValueError(
            "Calibration images must hold pixels in [0, 255]; the model "
            f"scales them itself. Received: values in [{low:g}, {high:g}]"
        )
