"""Averages of weights and of statistics, by hand and as published."""

import contextlib

import keras
import numpy as np
import pytest
from tiny_classifier import (
    copies,
    make_classifier,
    make_dense,
    make_vectors,
)

from keras_mobilevit.training.ema import (
    ema_statistics,
    ema_weights,
)
from keras_mobilevit.training.optimizer import make_optimizer
from keras_mobilevit.training.recipe import Optimizer


def compile_dense(momentum):
    model = make_dense()
    config = Optimizer(ema_momentum=momentum, layer_decay=0.9)
    model.compile(
        make_optimizer(config, 0.01, model), "categorical_crossentropy"
    )
    return model


def assert_equal(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


# === Weights ===


def test_averages_over_three_steps():
    """The first average is the first outcome: a, (a+b)/2, ((a+b)/2+c)/2."""
    model = compile_dense(0.5)
    batch = make_vectors(3)
    outcomes = []
    for _ in range(3):
        model.fit(*batch, verbose=0)
        outcomes.append(copies(model.trainable_variables))
    with ema_weights(model):
        found = copies(model.trainable_variables)
    for average, a, b, c in zip(found, *outcomes, strict=True):
        np.testing.assert_allclose(average, a / 4 + b / 4 + c / 2, atol=1e-6)
        assert abs(average - c).max() > 1e-3


def test_all_comes_back_exactly():
    model = compile_dense(0.9)
    batch = make_vectors(3)
    model.fit(*batch, epochs=3, verbose=0)
    everything = model.variables + model.optimizer.variables
    before = copies(everything)
    with ema_weights(model):
        averaged = copies(model.weights)
        model.evaluate(*batch, verbose=0)
        model.predict(batch[0], verbose=0)
    assert_equal(copies(everything), before)
    with pytest.raises(KeyboardInterrupt), ema_weights(model):
        assert_equal(copies(model.weights), averaged)
        raise KeyboardInterrupt
    assert_equal(copies(everything), before)
    model.fit(*batch, verbose=0)
    assert abs(copies(everything)[0] - before[0]).max() > 1e-4


def test_validation_inside_a_fit_sees_the_averages():
    """And the training goes on as if nobody had looked."""
    batch = make_vectors(3)
    found, seen = [], []
    for validation in (None, batch):
        model = compile_dense(0.9)
        inside = contextlib.ExitStack()
        model.fit(
            *batch,
            epochs=3,
            shuffle=False,
            verbose=0,
            validation_data=validation,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_test_begin=lambda logs, model=model, inside=inside: (
                        inside.enter_context(ema_weights(model)),
                        seen.append(copies(model.weights)),
                    ),
                    on_test_end=lambda logs, inside=inside: inside.close(),
                )
            ],
        )
        found.append(copies(model.variables + model.optimizer.variables))
    with ema_weights(model):
        assert_equal(seen[-1], copies(model.weights))
    assert len(seen) == 3
    assert_equal(*found)


@pytest.mark.parametrize(("momentum", "steps"), [(0.0, 1), (0.9, 0)])
def test_there_is_nothing_to_average(momentum, steps):
    model = compile_dense(momentum)
    batch = make_vectors(3)
    for _ in range(steps):
        model.fit(*batch, verbose=0)
    before = copies(model.weights)
    with ema_weights(model):
        assert_equal(copies(model.weights), before)


def test_averages_under_a_scaled_loss():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compile_dense(0.5)
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    inner = model.optimizer.inner_optimizer
    batch = make_vectors(3)
    outcomes = []
    while len(outcomes) < 2:
        model.fit(*batch, verbose=0)
        # Where half floats overflow, a step is left out, and the scale halved.
        if int(inner.iterations) > len(outcomes):
            outcomes.append(copies(model.trainable_variables))
    with ema_weights(model):
        found = copies(model.trainable_variables)
    for average, a, b in zip(found, *outcomes, strict=True):
        np.testing.assert_allclose(average, (a + b) / 2, atol=1e-6)


# === Statistics ===


def norms(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def test_every_batch_norm_gets_the_momentum_and_loses_it():
    """Stem 1, inverted residual 3, block 3, head 1."""
    model = make_classifier()
    with pytest.raises(KeyboardInterrupt), ema_statistics(model, 0.9995):
        assert [norm.momentum for norm in norms(model)] == [0.9995] * 8
        raise KeyboardInterrupt
    assert [norm.momentum for norm in norms(model)] == [0.9] * 8
    with ema_statistics(model, 0.0):
        assert [norm.momentum for norm in norms(model)] == [0.9] * 8


def test_statistics_of_a_fit():
    """Momentum 3/4: of the mean over a batch the first step takes 1/4."""
    inputs = keras.Input((1,))
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Model(inputs, norm(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.array([[1.0], [3.0]], np.float32)
    with ema_statistics(model, 0.75):
        model.fit(x, x, verbose=0)
        np.testing.assert_allclose(norm.moving_mean, [0.5], rtol=1e-6)
        model.fit(x, x, verbose=0)
    np.testing.assert_allclose(norm.moving_mean, [0.875], rtol=1e-6)


def averages(batches, published):
    """Averages after each batch, from 0 on, of one or two stages."""
    running = average = np.zeros(batches.shape[1:])
    for batch in batches:
        running = 0.9 * running + 0.1 * batch if published else batch
        average = 0.9995 * average + 0.0005 * running
        yield average


def test_one_average_instead_of_two():
    """What the module's docstring says of drifts and jumps."""
    steps = np.arange(20_000)
    drift, jump, pulse = steps, steps >= 0, steps == 0
    batches = np.stack([drift, jump, pulse], axis=1)
    ours, theirs = (
        np.array([*averages(batches, published)]) for published in (False, True)
    )
    difference = ours - theirs
    # Both forget where they began: nine steps of lag are left.
    np.testing.assert_allclose(difference[-1, 0], 9.0, rtol=0.01)
    assert 0.004 < difference[:, 1].max() < 0.005
    # The norm of the answer to a pulse is the deviation by random batches:
    # a tenth of the square root of 0.0005 / 2 that the average itself has.
    ripple = np.linalg.norm(ours[:, 2])
    np.testing.assert_allclose(ripple, np.sqrt(0.0005 / 2), rtol=0.001)
    assert np.linalg.norm(difference[:, 2]) < ripple / 10
