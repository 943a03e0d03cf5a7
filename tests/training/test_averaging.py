"""Averages of weights and of statistics, by hand and as published."""

import keras
import numpy as np
import pytest
from tiny_classifier import make_batch, make_classifier

from keras_mobilevit.training.averaging import (
    average_statistics,
    averaged_weights,
)
from keras_mobilevit.training.optimizer import make_optimizer
from keras_mobilevit.training.recipe import Optimizer


def compile_classifier(momentum):
    model = make_classifier()
    config = Optimizer(ema_momentum=momentum, layer_decay=0.9)
    model.compile(
        make_optimizer(config, 0.01, model), "categorical_crossentropy"
    )
    return model


def trainable(model):
    return [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]


# === Weights ===


def test_averages_over_three_steps():
    """The first average is the first outcome: a, (a+b)/2, ((a+b)/2+c)/2."""
    model = compile_classifier(0.5)
    batch = make_batch(3)
    outcomes = []
    for _ in range(3):
        model.fit(*batch, verbose=0)
        outcomes.append(trainable(model))
    with averaged_weights(model):
        found = trainable(model)
    for average, a, b, c in zip(found, *outcomes, strict=True):
        np.testing.assert_allclose(average, a / 4 + b / 4 + c / 2, atol=1e-6)
    assert max(abs(a - b).max() for a, b in zip(found, outcomes[2])) > 1e-3


def test_raw_weights_come_back_exactly():
    model = compile_classifier(0.9)
    batch = make_batch(3)
    model.fit(*batch, epochs=3, verbose=0)
    before = model.get_weights()
    with averaged_weights(model):
        averaged = model.get_weights()
        model.evaluate(*batch, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(KeyboardInterrupt), averaged_weights(model):
        for a, b in zip(averaged, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        raise KeyboardInterrupt
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_looking_at_the_averages_does_not_change_the_training():
    batch = make_batch(3)
    found = []
    for look in (False, True):
        model = compile_classifier(0.9)
        for _ in range(3):
            model.fit(*batch, verbose=0)
            if look:
                with averaged_weights(model):
                    model.evaluate(*batch, verbose=0)
        with averaged_weights(model):
            found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("momentum", "steps"), [(0.0, 1), (0.9, 0)])
def test_there_is_nothing_to_average(momentum, steps):
    model = compile_classifier(momentum)
    batch = make_batch(3)
    for _ in range(steps):
        model.fit(*batch, verbose=0)
    before = model.get_weights()
    with averaged_weights(model):
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_averages_under_a_scaled_loss():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compile_classifier(0.5)
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    batch = make_batch(3)
    outcomes = []
    for _ in range(2):
        model.fit(*batch, verbose=0)
        outcomes.append(trainable(model))
    assert int(model.optimizer.inner_optimizer.iterations) == 2
    with averaged_weights(model):
        for average, a, b in zip(trainable(model), *outcomes, strict=True):
            np.testing.assert_allclose(average, (a + b) / 2, atol=1e-6)


# === Statistics ===


def norms(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def test_every_batch_norm_gets_the_momentum_and_loses_it():
    """Stem 1, inverted residual 3, block 4, head 1."""
    model = make_classifier()
    with pytest.raises(KeyboardInterrupt), average_statistics(model, 0.9995):
        assert [norm.momentum for norm in norms(model)] == [0.9995] * 9
        raise KeyboardInterrupt
    assert [norm.momentum for norm in norms(model)] == [0.9] * 9
    with average_statistics(model, 0.0):
        assert [norm.momentum for norm in norms(model)] == [0.9] * 9


def test_statistics_of_a_fit():
    """Momentum 3/4: of the mean over a batch the first step takes 1/4."""
    inputs = keras.Input((1,))
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Model(inputs, norm(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.array([[1.0], [3.0]], np.float32)
    with average_statistics(model, 0.75):
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
    rng = np.random.default_rng(0)
    steps = np.arange(20_000)
    noise = rng.normal(size=20_000)
    batches = np.stack([steps, steps >= 0, noise], axis=1)
    ours, theirs = (
        np.array([*averages(batches, published)]) for published in (False, True)
    )
    drift, jump, random = (ours - theirs).T
    # Both forget where they began: nine steps of lag are left.
    np.testing.assert_allclose(drift[-1], 9.0, rtol=0.01)
    assert 0.004 < jump.max() < 0.005
    # A tenth of what the average itself varies by, sqrt(0.0005 / 2).
    ripple = ours[10_000:, 2].std()
    np.testing.assert_allclose(ripple, np.sqrt(0.0005 / 2), rtol=0.3)
    assert random[10_000:].std() < ripple / 10
