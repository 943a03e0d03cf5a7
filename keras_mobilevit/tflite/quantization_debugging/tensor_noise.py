"""Where a quantized file departs from its float file, tensor by tensor.

Both run on LiteRT's builtin kernels, whose int8 results are not those of
XNNPACK to the bit. The logits of an int8 file of the embedded checkpoint
differed by 30 dB between the two, and by 24 dB from the float file's: what is
said here holds for XNNPACK in kind, not to the decibel.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Collection, Iterable

import numpy as np

from keras_mobilevit.tflite.quantization_debugging.pairing import PairedFiles
from keras_mobilevit.tflite.tensor_names import layer_of


@dataclasses.dataclass(frozen=True)
class TensorFidelity:
    """How true one tensor of a quantized file is.

    Attributes:
        name: Name in the quantized file. What a float operation gives has a
            second entry, ending in `_quantized`, where it is then rounded for
            an int8 operation.
        op: Kind of the operation that it comes out of, such as `"CONV_2D"`.
        layer: As `keras_mobilevit.tflite.tensor_names.layer_of` names it.
        dtype: Type in the quantized file, such as `"int8"`.
        sqnr: Signal to quantization noise in dB: power of the float file's
            values over that of the departure from them. Infinite if there is
            none.
        local_sqnr: The same, but counting only the noise that this operation
            makes itself: the departure from what the float operation gives
            for the inputs that the quantized one had.
        rounding_sqnr: The same, if the only noise were that of rounding to
            the steps of the int8 range: step² / 12 a value. Infinite for
            floats. A `local_sqnr` near it calls for a narrower range; one far
            below it points to the weights, or to values beyond the range.
    """

    name: str
    op: str
    layer: str
    dtype: str
    sqnr: float
    local_sqnr: float
    rounding_sqnr: float


def compare_tensors(
    float_model: bytes | str | os.PathLike,
    quantized_model: bytes | str | os.PathLike,
    images: Iterable[np.ndarray],
) -> list[TensorFidelity]:
    """Compares the activations of two files of one model.

    Tensors are paired by name and by the kind of their operation. Those of
    the quantized file that have no counterpart are left out; so is what
    DEQUANTIZE gives, which has the values of its input.

    Args:
        float_model: float32 `.tflite` file, or its bytes.
        quantized_model: A file that was quantized from it, or its bytes.
        images: Arrays `(height, width, channels)`, pixels in [0, 255], or
            other sources of them, as `keras_mobilevit.image_batches` takes.

    Returns:
        One entry a tensor, in the order in which the graph computes them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is no TFLite file, the two have no tensor in
            common, or there are no images or images of another shape.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import tflite
        >>> shape = tflite.ImageModel("model.tflite").shape
        >>> images = np.random.default_rng(0).uniform(0, 255, (2, *shape))
        >>> tensors = tflite.compare_tensors(
        ...     "model.tflite", "int8.tflite", images
        ... )
        >>> min(tensors, key=lambda tensor: tensor.sqnr).layer
        'classifier'
    """
    files = PairedFiles(float_model, quantized_model)
    signal = dict.fromkeys(files.pairs, 0.0)
    noise, local_noise, rounding = signal.copy(), signal.copy(), signal.copy()
    for _ in files.run(images):
        files.run_isolated()
        for index, pair in files.pairs.items():
            expected = files.reference.values(pair.twin)
            actual = files.quantized.values(index)
            step = files.quantized.step(index)
            signal[index] += _energy(expected)
            noise[index] += _energy(actual - expected)
            local_noise[index] += _energy(actual - files.recomputed(index))
            rounding[index] += actual.size * step**2 / 12
    return [
        TensorFidelity(
            name=pair.tensor.name,
            op=pair.kind,
            layer=layer_of(pair.tensor.name),
            dtype=pair.tensor.dtype,
            sqnr=_decibels(signal[index], noise[index]),
            local_sqnr=_decibels(signal[index], local_noise[index]),
            rounding_sqnr=_decibels(signal[index], rounding[index]),
        )
        for index, pair in files.pairs.items()
    ]


def noisiest_ops(tensors: Iterable[TensorFidelity]) -> list[TensorFidelity]:
    """Sorts tensors so that the noisiest operations come first.

    Args:
        tensors: From `compare_tensors`.
    """
    return sorted(tensors, key=lambda tensor: tensor.local_sqnr)


@dataclasses.dataclass(frozen=True)
class LayerFidelity:
    """How true one layer of a quantized file is.

    Attributes:
        layer: As in `TensorFidelity`.
        sqnr: Of the last tensor, which is what goes on to the next layer.
        local_sqnr: The noise that all operations of the layer make, added up.
    """

    layer: str
    sqnr: float
    local_sqnr: float


def by_layer(tensors: Iterable[TensorFidelity]) -> list[LayerFidelity]:
    """Sums tensors up by layer, in the order of the graph.

    Args:
        tensors: From `compare_tensors`.
    """
    layers: dict[str, list[TensorFidelity]] = {}
    for tensor in tensors:
        layers.setdefault(tensor.layer, []).append(tensor)
    return [
        LayerFidelity(
            layer=layer,
            sqnr=members[-1].sqnr,
            local_sqnr=_decibels(
                1, sum(10 ** (-t.local_sqnr / 10) for t in members)
            ),
        )
        for layer, members in layers.items()
    ]


def sample_values(
    float_model: bytes | str | os.PathLike,
    quantized_model: bytes | str | os.PathLike,
    images: Iterable[np.ndarray],
    names: Collection[str],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Collects the values of a few tensors, to look at how they are spread.

    Args:
        float_model: As in `compare_tensors`.
        quantized_model: As in `compare_tensors`.
        images: As in `compare_tensors`; a few are enough.
        names: Names of `TensorFidelity`.

    Returns:
        Name to `(float values, dequantized values)`, both flat, float64.

    Raises:
        ValueError: As `compare_tensors`, and if a name is unknown.
    """
    files = PairedFiles(float_model, quantized_model)
    pairs = {
        pair.tensor.name: (pair.twin, index)
        for index, pair in files.pairs.items()
    }
    if unknown := sorted(set(names) - pairs.keys()):
        raise ValueError(
            "`names` must be of tensors that both files have. Received: "
            f"{unknown}"
        )
    parts = {name: ([], []) for name in names}
    for _ in files.run(images):
        for name, (expected, actual) in parts.items():
            twin, index = pairs[name]
            expected.append(files.reference.values(twin).ravel())
            actual.append(files.quantized.values(index).ravel())
    return {
        name: (np.concatenate(expected), np.concatenate(actual))
        for name, (expected, actual) in parts.items()
    }


def _energy(values):
    return float(np.sum(values**2))


def _decibels(signal, noise):
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf
