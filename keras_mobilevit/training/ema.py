"""The average over the steps, which is what gets evaluated and saved.

As published, everything in a checkpoint is averaged with a momentum of 0.9995,
the statistics of batch norms too, although those are averages already, with a
momentum of 0.9. Keras' optimizers average trainable variables alone. Here the
batch norms themselves take the momentum of the average: of a statistic that
drifts evenly, the published average of an average is nine steps older, and of
one that jumps it lacks at most 0.5 % of the jump.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import numpy as np


@contextlib.contextmanager
def ema_weights(model: keras.Model) -> Iterator[None]:
    """Inside, the model has the averages as weights; then its own, exactly.

    Without averages, be it that the optimizer makes none or that it has not
    taken a step yet, nothing changes. To be used between two calls of `fit`, or
    around the validation inside one.

    Args:
        model: Model compiled with an optimizer of
            `keras_mobilevit.training.optimizer`.
    """
    optimizer = model.optimizer
    # Within a LossScaleOptimizer.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.use_ema or optimizer.iterations.numpy() == 0:
        yield
        return
    # `keras.callbacks.SwapEMAWeights` adds and subtracts on TensorFlow, and so
    # rounds the weights.
    raw = _copies(model)
    optimizer.write_ema(model.trainable_variables)
    try:
        # On JAX an average and its variable are one array by now, which the
        # first call would give away for both.
        model.set_weights(_copies(model))
        yield
    finally:
        model.set_weights(raw)


@contextlib.contextmanager
def ema_statistics(model: keras.Model, momentum: float) -> Iterator[None]:
    """Inside, batch norms average their statistics with this momentum.

    What has been traced keeps the momentum of its trace, so the whole of the
    training, and its first step above all, belongs inside.

    Args:
        model: Any model.
        momentum: Momentum of the weights' average; with 0, for no average,
            nothing changes.
    """
    norms = [
        layer
        for layer in model._flatten_layers()
        if momentum and isinstance(layer, keras.layers.BatchNormalization)
    ]
    own = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = momentum
    try:
        yield
    finally:
        for norm, value in zip(norms, own, strict=True):
            norm.momentum = value


def _copies(model):
    """Weights in memory of their own: on torch, Keras gives views."""
    return [np.array(weights) for weights in model.get_weights()]
