"""Activation ranges from sample images.

The quantizer's own calibration averages the ranges of the images, which cuts
off what half of them need. Here each image's range is kept, and the ranges are
merged at a percentile over the images.
"""

from __future__ import annotations

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
        ValueError: If there is no image, or one of another shape or with
            pixels that are not in [0, 255].
    """
    litert = require("ai_edge_litert.interpreter", extra="tflite")
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
    images = check_images(images, tuple(image_input["shape"][1:].tolist()))
    for image in tqdm(images, desc="calibrating", disable=None):
        interpreter.set_tensor(
            image_input["index"], image[None].astype(np.float32)
        )
        interpreter.invoke()
        values = [interpreter.get_tensor(i) for i in activations.values()]
        lows.append([value.min() for value in values])
        highs.append([value.max() for value in values])
    low = np.percentile(lows, 100 - percentile, axis=0).astype(np.float32)
    high = np.percentile(highs, percentile, axis=0).astype(np.float32)
    ranges = {
        name: {"min": low[i : i + 1], "max": high[i : i + 1]}
        for i, name in enumerate(activations)
    }
    # What may come in is known, and not left to the sample.
    ranges[image_input["name"]] = {
        "min": np.zeros(1, np.float32),
        "max": np.full(1, 255, np.float32),
    }
    return ranges, len(images)


def check_images(
    images: Iterable[np.ndarray], shape: tuple[int, int, int]
) -> list[np.ndarray]:
    """Returns calibration images as a list, if they are fit for it.

    Args:
        images: Arrays that should have `shape` and pixels in [0, 255].
        shape: `(height, width, channels)` of the model's input.

    Raises:
        ValueError: If there are none, or one is not of that kind.
    """
    images = list(images)
    if not images:
        raise ValueError(
            "Calibration needs images, about a hundred of the kind that the "
            "model will see. Received: none"
        )
    for image in images:
        if image.shape != shape:
            raise ValueError(
                f"Calibration images must be of shape {shape}, as the model's "
                f"input. Received: one of shape {image.shape}"
            )
        low, high = float(image.min()), float(image.max())
        scaled = image.dtype.kind == "f" and 0 < high <= 1
        if low < 0 or high > 255 or scaled:
            raise ValueError(
                "Calibration images must hold pixels in [0, 255]; the model "
                f"scales them itself. Received: values in [{low:g}, {high:g}]"
            )
    return images
