"""Steps of the optimizer against AdamW as its paper has it, by NumPy."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from tiny_classifier import (
    copies,
    make_classifier,
    make_dense,
    make_vectors,
)

from keras_mobilevit.training.optimizer import TrainingAdamW, make_optimizer
from keras_mobilevit.training.recipe import Optimizer

RATE = 0.01
# One a step; the gradient of `mean_output` is their mean over the batch.
INPUTS = np.array([[1, 2], [-3, 0.5], [2, -2]], np.float32)
START = {"slow": (1.0, -2.0), "fast": (0.5, 3.0)}


def make_linear():
    """Two layers side by side, so that a step of one moves one alone."""
    x = keras.Input((2,))
    outputs = [
        keras.layers.Dense(1, use_bias=False, name=name)(x) for name in START
    ]
    model = keras.Model(x, keras.layers.Add()(outputs))
    model.set_weights([np.array(w)[:, None] for w in START.values()])
    return model


def mean_output(targets, outputs):
    return keras.ops.mean(outputs)


def fit(model, inputs=INPUTS, epochs=1):
    """One step an input."""
    model.fit(
        inputs,
        np.zeros(len(inputs)),
        batch_size=1,
        epochs=epochs,
        shuffle=False,
        verbose=0,
    )


def adamw(start, gradients, rate, decay):
    """Algorithm 2 of arXiv 1711.05101; returns the weights after each step."""
    w, m, v = np.array(start), 0.0, 0.0
    for step, g in enumerate(np.float64(gradients), start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat, v_hat = m / (1 - 0.9**step), v / (1 - 0.999**step)
        w = w - rate * (m_hat / (np.sqrt(v_hat) + 1e-8) + decay * w)
        yield w


def values(model):
    return [np.ravel(w) for w in model.get_weights()]


@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_three_steps(factor, decay):
    model = make_linear()
    factors = {"slow/kernel": factor}
    model.compile(
        TrainingAdamW(
            RATE, weight_decay=decay, epsilon=1e-8, rate_multipliers=factors
        ),
        mean_output,
    )
    fit(model)
    slow, fast = values(model)
    *_, expected = adamw(START["slow"], INPUTS, RATE * factor, decay)
    np.testing.assert_allclose(slow, expected, rtol=0, atol=1e-6)
    *_, expected = adamw(START["fast"], INPUTS, RATE, decay)
    np.testing.assert_allclose(fast, expected, rtol=0, atol=1e-6)


def test_first_step_by_hand():
    """A first step of Adam is the sign of the gradient times the rate."""
    model = make_linear()
    optimizer = TrainingAdamW(
        0.1, weight_decay=0.5, rate_multipliers={"slow/kernel": 0.5}
    )
    model.compile(optimizer, mean_output)
    fit(model, INPUTS[1:2])
    slow, fast = values(model)
    # w - 0.05 * (sign + 0.5 * w) and w - 0.1 * (sign + 0.5 * w).
    np.testing.assert_allclose(slow, [1.025, -2.0], atol=1e-6)
    np.testing.assert_allclose(fast, [0.575, 2.75], atol=1e-6)


def test_schedules_are_scaled_too():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [0], [0.1, 0.01]
    )
    model = make_linear()
    optimizer = TrainingAdamW(
        schedule,
        weight_decay=0.0,
        epsilon=1e-8,
        rate_multipliers={"slow/kernel": 0.5},
    )
    model.compile(optimizer, mean_output)
    fit(model, INPUTS[[0, 0]])
    slow, fast = values(model)
    np.testing.assert_allclose(slow, [1 - 0.055, -2 - 0.055], atol=1e-6)
    np.testing.assert_allclose(fast, [0.5 - 0.11, 3 - 0.11], atol=1e-6)


def test_without_multipliers_it_is_keras_own_adamw():
    found = []
    for kind in (TrainingAdamW, keras.optimizers.AdamW):
        model = make_dense()
        model.compile(
            kind(0.01, weight_decay=0.1, global_clipnorm=0.5),
            "categorical_crossentropy",
        )
        model.fit(
            *make_vectors(6), batch_size=2, epochs=2, shuffle=False, verbose=0
        )
        found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_norm_that_is_clipped_is_global():
    """Gradients (30, 40) in both layers have norm 50 sqrt(2).

    Clipped to 1e-8 / 0.6 * sqrt(2), they are (1e-8, 4e-8 / 3) each: beside an
    epsilon of 1e-8 the first step shows their size.
    """
    model = make_linear()
    clip = float(1e-8 / 0.6 * np.sqrt(2))
    config = Optimizer(weight_decay=0.0, clip_norm=clip, ema_momentum=0.0)
    optimizer = make_optimizer(config, 0.1, model)
    optimizer.rate_multipliers = {"slow/kernel": 0.5}
    model.compile(optimizer, mean_output)
    fit(model, np.array([[30.0, 40.0]], np.float32))
    # Keras adds epsilon to the root before it corrects the bias of it.
    gradients = np.array([1e-8, 4e-8 / 3])
    step = gradients / (gradients + 1e-8 / np.sqrt(0.001))
    slow, fast = values(model)
    np.testing.assert_allclose(
        np.subtract(START["slow"], slow), 0.05 * step, rtol=0.01
    )
    np.testing.assert_allclose(
        np.subtract(START["fast"], fast), 0.1 * step, rtol=0.01
    )


def test_make_optimizer_as_published():
    config = make_optimizer(Optimizer(), 0.002, make_linear()).get_config()
    expected = {
        "weight_decay": 0.01,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "global_clipnorm": None,
        "use_ema": True,
        "ema_momentum": 0.9995,
        "rate_multipliers": {},
    }
    assert {name: config[name] for name in expected} == expected


def test_make_optimizer_as_asked_for():
    config = make_optimizer(
        Optimizer(ema_momentum=0.0, clip_norm=2.0, layer_decay=0.5),
        0.002,
        make_classifier(),
    ).get_config()
    assert not config["use_ema"]
    assert config["global_clipnorm"] == 2.0
    assert config["rate_multipliers"]["head/conv/kernel"] == 0.5


def test_nothing_is_left_out_of_the_decay():
    """Without gradients, a step multiplies all by 1 - rate * decay."""
    model = make_classifier()
    optimizer = make_optimizer(Optimizer(weight_decay=0.5), 0.1, model)
    optimizer.build(model.trainable_variables)
    before = copies(model.trainable_variables)
    optimizer.apply([keras.ops.zeros(w.shape) for w in before])
    after = copies(model.trainable_variables)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new, 0.95 * old, rtol=1e-6)


def test_a_saved_model_goes_on_alike(tmp_path):
    model = make_dense()
    config = Optimizer(layer_decay=0.5, ema_momentum=0.9, clip_norm=1.0)
    model.compile(
        make_optimizer(config, 0.01, model), "categorical_crossentropy"
    )
    batch = make_vectors(6)
    model.fit(*batch, shuffle=False, verbose=0)
    model.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    assert type(loaded.optimizer) is TrainingAdamW
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for m in (model, loaded):
        m.fit(*batch, shuffle=False, verbose=0)
    for a, b in zip(
        model.optimizer.variables, loaded.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
        )
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_fit_leaves_the_raw_weights():
    """The average of the first two steps is not the second's outcome."""
    model = make_linear()
    config = Optimizer(weight_decay=0.0, ema_momentum=0.5)
    model.compile(make_optimizer(config, RATE, model), mean_output)
    fit(model, INPUTS[:2])
    *_, expected = adamw(START["fast"], INPUTS[:2], RATE, 0.0)
    np.testing.assert_allclose(values(model)[1], expected, atol=1e-6)


# === Where else it has to work ===


@pytest.mark.slow
def test_replicas_take_the_steps_of_one():
    """Two replicas on the CPU, by `tf.distribute`, against none."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.distribute is for TensorFlow")
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            """
import contextlib, json, sys
import numpy as np, tensorflow as tf
sys.path.insert(0, sys.argv[1])
from tiny_classifier import copies, make_dense, make_vectors
from keras_mobilevit.training.ema import ema_weights
from keras_mobilevit.training.optimizer import make_optimizer
from keras_mobilevit.training.recipe import Optimizer

cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
config = Optimizer(layer_decay=0.5, ema_momentum=0.5, weight_decay=0.5)
found = []
for scope in (strategy.scope(), contextlib.nullcontext()):
    with scope:
        model = make_dense()
        optimizer = make_optimizer(config, 0.01, model)
        model.compile(optimizer, "categorical_crossentropy")
    start = copies(model.weights)
    model.fit(*make_vectors(12), batch_size=4, shuffle=False, verbose=0)
    raw = copies(model.weights)
    with ema_weights(model):
        averages = copies(model.weights)
    for a, b in zip(raw, copies(model.weights), strict=True):
        assert np.array_equal(a, b)
    found.append(raw + averages)
print(json.dumps({
    "replicas": strategy.num_replicas_in_sync,
    "decay": optimizer.weight_decay,
    "moved": max(abs(a - b).max() for a, b in zip(start, raw)).item(),
    "error": max(abs(a - b).max() for a, b in zip(*found)).item(),
}))
""",
            pathlib.Path(__file__).parent,
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["replicas"] == 2
    assert found["decay"] == 0.5
    assert found["moved"] > 0.01
    assert found["error"] < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend):
    """The same tests once more."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if keras.backend.backend() == backend:
        pytest.skip(f"{backend} is the backend of this run")
    modules = ("ema", "distillation", "optimizer", "parts")
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            *(
                pathlib.Path(__file__).with_name(f"test_{module}.py")
                for module in modules
            ),
        ],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout


def test_biases_and_norms_that_do_not_decay():
    """With gradients of zero, decay is all that changes a weight."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(3, bias_initializer="ones"),
            keras.layers.LayerNormalization(),
        ]
    )
    before = model.get_weights()
    config = Optimizer(weight_decay=0.5, ema_momentum=0, decay_vectors=False)
    optimizer = make_optimizer(config, RATE, model)
    variables = model.trainable_variables
    optimizer.apply([keras.ops.zeros(v.shape) for v in variables], variables)
    for variable, value in zip(variables, before, strict=True):
        kept = 1 - 0.5 * RATE if value.ndim == 2 else 1
        np.testing.assert_allclose(variable, kept * value, rtol=1e-6)
