"""What compression leaves in the kernels of a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np


class KernelStatistics(NamedTuple):
    """One kernel.

    Attributes:
        weights: Number of weights.
        zeros: Weights that are exactly zero.
        values: Different weights.

    Example:
        >>> from keras_mobilevit import compression
        >>> kernel = compression.KernelStatistics(
        ...     weights=432, zeros=108, values=9
        ... )
        >>> kernel.zeros / kernel.weights
        0.25
    """

    weights: int
    zeros: int
    values: int


def kernel_statistics(model: keras.Model) -> dict[str, KernelStatistics]:
    """Counts zeros and different weights.

    Args:
        model: Model whose layers are built.

    Returns:
        Name of a layer, with dots between its parts -> what its kernel holds,
        for convolutions and dense layers; not for depthwise ones, which no
        method but quantization-aware training changes on purpose.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import compression
        >>> model = keras_mobilevit.MobileViTXXS(weights="cifar10")
        >>> kernels = compression.kernel_statistics(model)
        >>> kernels["stem.conv"].weights
        432
    """
    kinds = (
        keras.layers.Conv2D,
        keras.layers.Dense,
        keras.layers.EinsumDense,
    )
    statistics = {}
    for layer in model._flatten_layers():
        if isinstance(layer, kinds):
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            statistics[layer.path.replace("/", ".")] = KernelStatistics(
                kernel.size,
                int(np.count_nonzero(kernel == 0)),
                len(np.unique(kernel)),
            )
    return statistics


def sparsity(statistics: Iterable[KernelStatistics]) -> float:
    """Share of zeros among the weights of several kernels.

    Example:
        >>> from keras_mobilevit.compression import KernelStatistics, sparsity
        >>> pruned = KernelStatistics(weights=300, zeros=150, values=151)
        >>> skipped = KernelStatistics(weights=100, zeros=0, values=100)
        >>> sparsity([pruned, skipped])
        0.375
    """
    statistics = list(statistics)
    zeros = sum(kernel.zeros for kernel in statistics)
    return zeros / sum(kernel.weights for kernel in statistics)
