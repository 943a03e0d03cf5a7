"""tensorflow-model-optimization, applied to a twin.

Part of the process of `worker`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tensorflow_model_optimization.python.core.clustering.keras.experimental import (  # noqa: E501
    cluster,
)

from keras_mobilevit.compression.methods import (
    Clustering,
    Method,
    Pruning,
    QuantizationAware,
)
from keras_mobilevit.compression.quantizers import PREFIX, quantize
from keras_mobilevit.compression.twin import Twin, named_variables

# Times that the zeros of pruning are chosen anew.
_UPDATES = 20
_KERNELS = ("Conv2D", "Dense")


class Prepared(NamedTuple):
    """A model that learns to be compressed.

    Attributes:
        model: Model of tf_keras to train.
        callbacks: What `fit` needs besides.
        strip: Returns what was learnt as a model with the layers of the twin.
    """

    model: tf_keras.Model
    callbacks: Sequence[tf_keras.callbacks.Callback]
    strip: Callable[[], tf_keras.Model]


@functools.singledispatch
def prepare(
    method: Method, twin: Twin, steps: int, images: np.ndarray
) -> Prepared:
    """Wraps the layers of a twin as a method says.

    Args:
        method: What to do.
        twin: Model to wrap.
        steps: Training steps that there will be.
        images: Array `(count, height, width, 3)` of test images, for what has
            to be measured beforehand.

    Raises:
        ValueError: If there is nothing to compress.
    """
    raise TypeError(f"There is no method {type(method).__name__}.")


@prepare.register
def _(method: Pruning, twin, steps, images):
    rising = max(1, int(method.ramp * steps))
    frequency = -(-rising // _UPDATES)
    # The last change has to fall on a step of the schedule.
    end = rising // frequency * frequency
    options = {"begin_step": 0, "end_step": end, "frequency": frequency}
    schedules = tfmot.sparsity.keras
    if method.pattern:
        zeros, group = method.pattern_numbers
        options = {
            "pruning_schedule": schedules.ConstantSparsity(
                zeros / group, **options
            ),
            "sparsity_m_by_n": (zeros, group),
        }
    else:
        options = {
            "pruning_schedule": schedules.PolynomialDecay(
                0.0, method.sparsity, **options
            )
        }

    def wrap(layer):
        block = (1, 1) if twin.kinds[layer.name] == "Conv2D" else block_sides
        return schedules.prune_low_magnitude(layer, block_size=block, **options)

    block_sides = method.block_sides
    model = _wrap_kernels(twin, method, wrap)
    return Prepared(
        model,
        [schedules.UpdatePruningStep()],
        lambda: schedules.strip_pruning(model),
    )


@prepare.register
def _(method: Clustering, twin, steps, images):
    choices = tfmot.clustering.keras.CentroidInitialization
    initial = {
        "kmeans++": choices.KMEANS_PLUS_PLUS,
        "linear": choices.LINEAR,
        "density": choices.DENSITY_BASED,
        "random": choices.RANDOM,
    }

    def wrap(layer):
        kernel = layer.kernel.numpy()
        sides = np.count_nonzero(kernel < 0), np.count_nonzero(kernel > 0)
        if min(sides) < method.clusters:
            return layer
        return cluster.cluster_weights(
            layer,
            number_of_clusters=method.clusters,
            cluster_centroids_init=initial[method.initial],
            preserve_sparsity=method.keep_zeros,
            cluster_per_channel=method.per_channel,
        )

    model = _wrap_kernels(twin, method, wrap)
    return Prepared(
        model,
        # Of the kernels that have no clusters; for the others tfmot does.
        [KeepZeros(model, twin)] if method.keep_zeros else [],
        lambda: tfmot.clustering.keras.strip_clustering(model),
    )


@prepare.register
def _(method: QuantizationAware, twin, steps, images):
    model, strip = quantize(twin, method.skips, images)
    return Prepared(
        model, [KeepZeros(model, twin)] if method.keep_zeros else [], strip
    )


class KeepZeros(tf_keras.callbacks.Callback):
    """Sets the weights to zero again that were so in the beginning.

    Args:
        model: Model to train, with the layers of the twin as they are or
            wrapped by `quantize`.
        twin: What it was made of.
    """

    def __init__(self, model: tf_keras.Model, twin: Twin):
        super().__init__()
        self._masked = []
        for layer in model.layers:
            if twin.kinds.get(layer.name.removeprefix(PREFIX)) in _KERNELS:
                kernel = named_variables(layer)["kernel"]
                mask = tf.cast(kernel != 0, kernel.dtype)
                self._masked.append((kernel, mask))

    def on_train_batch_end(self, batch, logs=None):
        for kernel, mask in self._masked:
            kernel.assign(kernel * mask)


def _wrap_kernels(twin: Twin, method: Method, wrap: Callable[[Any], Any]):
    names = {
        name
        for name in twin.origins
        if twin.kinds[name] in _KERNELS and not method.skips(name)
    }
    if not names:
        raise ValueError(
            f"There is nothing to compress: skip={method.skip!r} leaves none "
            "of the layers."
        )
    return tf_keras.models.clone_model(
        twin.model,
        clone_function=lambda layer: (
            wrap(layer) if layer.name in names else layer
        ),
    )
