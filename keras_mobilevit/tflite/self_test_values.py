"""The input of a file's self-test, and its outputs as they are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.pixel_scaling import scaling_of
from keras_mobilevit.tflite.metrics import decibels
from keras_mobilevit.tflite.runtime import named_outputs, quantize_pixels

IDENTICAL, WITHIN, DIFFERENT = VERDICTS = ("identical", "within", "different")
OUTPUT, SOFTMAX_INPUT = "output", "softmax_input"

# Larger outputs are kept as a hash and so many of their values.
MAX_BYTES = 4096
_SAMPLES = 256
# Below its exponential, a probability in float32 loses digits.
_LOWEST_LOG = -80.0


def self_test_input(shape: tuple[int, int, int]) -> np.ndarray:
    """The image of the self-test: coloured stripes, soft as most photos are.

    Args:
        shape: `(height, width, channels)`.

    Returns:
        uint8 array of `shape`. At row y, column x and channel c, with
        t = (512 x // width * (c + 1) + 384 y // height + 64 c) mod 512, the
        pixel is the smaller of t and 511 - t.

    Example:
        >>> from keras_mobilevit.tflite.self_test_values import self_test_input
        >>> self_test_input((2, 4, 3))[1, 2].tolist()
        [63, 255, 191]
    """
    height, width, _ = shape
    y, x, c = np.ogrid[tuple(slice(side) for side in shape)]
    t = (512 * x // width * (c + 1) + 384 * y // height + 64 * c) % 512
    return np.minimum(t, 511 - t).astype(np.uint8)


def run_self_test(interpreter: Any, image: ImageSpec) -> dict[str, np.ndarray]:
    """Runs a file on the input of the self-test.

    Args:
        interpreter: LiteRT interpreter of the file, of one image as input.
        image: How pixels become the input.

    Returns:
        Name of an output -> its values as they are in the tensor.
    """
    interpreter.allocate_tensors()
    (details,) = interpreter.get_input_details()
    pixels = self_test_input(tuple(details["shape"][1:].tolist()))
    scaling = scaling_of(image)
    values = scaling.apply(pixels)[None]
    interpreter.set_tensor(
        details["index"], quantize_pixels(values, details, scaling.is_identity)
    )
    interpreter.invoke()
    return {
        name: interpreter.get_tensor(details["index"])
        for name, details in named_outputs(interpreter).items()
    }


def softmax_steps(probabilities: np.ndarray, scale: float) -> np.ndarray:
    """Integers that a softmax got, in comparison with the largest of them.

    A softmax in float rounds differently on each processor. What it was given
    is quantized, so its logarithm tells the integers exactly.
    """
    shares = probabilities / probabilities.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(shares), _LOWEST_LOG)
    return np.round(logs / scale).astype(np.int16)


def take_samples(values: np.ndarray) -> np.ndarray:
    """The values of a record that has not all of them, evenly spaced."""
    flat = values.ravel()
    return flat[np.arange(_SAMPLES) * flat.size // _SAMPLES]


def sqnr(expected: np.ndarray, actual: np.ndarray) -> float:
    """dB of the expected values, around their mean, over the errors."""
    expected, actual = (v.astype(np.float64) for v in (expected, actual))
    signal = np.sum((expected - expected.mean()) ** 2)
    return decibels(signal, np.sum((actual - expected) ** 2))


def little_endian(values: np.ndarray) -> np.ndarray:
    """The same values in the order of bytes of the record."""
    return values.astype(values.dtype.newbyteorder("<"), copy=False)
