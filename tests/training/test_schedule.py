"""The learning rate of a step, by hand, and inside compiled steps."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import pytest

from keras_mobilevit.training.schedule import make_schedule
from keras_mobilevit.training.sections import Schedule

# Three epochs of 4, 5 and 3 steps, which start with steps 0, 4 and 9.
STEPS = (4, 5, 3)


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def small(**changes):
    values = dict(epochs=3, start=0.1, peak=1.0, floor=0.2, warmup_steps=2)
    return make_schedule(Schedule(**values | changes), STEPS)


def test_per_epoch_by_hand():
    """cos(0), cos(pi / 3) and cos(2 pi / 3) are 1, 1/2 and -1/2."""
    assert rates(small(), range(13)) == pytest.approx(
        [0.1, 0.55, 1.0, 1.0, *[0.8] * 5, *[0.4] * 4], rel=1e-6
    )


def test_epochs_of_the_warm_up_count():
    """Seven steps of 0.9 / 6 reach into epoch 1, whose rate is 0.8."""
    expected = [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.8, 0.8, 0.8, 0.4]
    found = rates(small(warmup_steps=6), range(10))
    assert found == pytest.approx(expected, rel=1e-6)


def test_per_step_by_hand():
    """Ten steps from the peak: cos(pi / 5) and cos(2 pi / 5) on the way."""
    found = rates(small(per="step"), [0, 1, 2, 4, 6, 7, 12, 500])
    golden = (1 + 5**0.5) / 4
    assert found == pytest.approx(
        [
            0.1,
            0.55,
            1.0,
            0.6 + 0.4 * golden,
            0.6 + 0.4 * (golden - 0.5),
            0.6,
            0.2,
            0.2,
        ],
        rel=1e-6,
    )


@pytest.mark.parametrize("per", ["epoch", "step"])
def test_without_warm_up(per):
    assert rates(small(warmup_steps=0, per=per), [0]) == [1.0]


def test_one_epoch():
    config = Schedule(epochs=1, start=0.5, peak=1.0, warmup_steps=1)
    assert rates(make_schedule(config, [3]), range(3)) == [0.5, 1.0, 1.0]


def test_published_schedule():
    """300 epochs of 1,251 steps: 1,281,167 images in batches of 1,024."""
    schedule = make_schedule(Schedule(), [1251] * 300)
    last = 300 * 1251 - 1
    steps = [0, 1500, 2999, 3000, 3752, 3753, 150 * 1251, last]
    expected = [
        0.0002,
        0.0011,
        0.0019994,  # 0.0018 / 3000 below the peak
        0.00199980,  # epoch 2: cos(pi / 150) = 0.99978068
        0.00199980,
        0.00199956,  # epoch 3: cos(pi / 100) = 0.99950656
        0.0011,
        0.00020005,  # epoch 299: one epoch above the floor
    ]
    assert rates(schedule, steps) == pytest.approx(expected, abs=1e-8)


def test_a_million_steps_are_told_apart():
    """Float32 is exact there: the rate changes at the very step."""
    schedule = make_schedule(
        Schedule(epochs=3, peak=1.0, floor=0.0), [1_000_001, 1, 999_999]
    )
    steps = [1_000_000, 1_000_001, 1_000_002]
    assert rates(schedule, steps) == pytest.approx([1.0, 0.75, 0.25])


def test_serialization():
    schedules = keras.optimizers.schedules
    config = json.loads(json.dumps(schedules.serialize(small())))
    restored = schedules.deserialize(config)
    assert restored.get_config() == small().get_config()
    assert rates(restored, range(13)) == rates(small(), range(13))


@pytest.mark.parametrize("steps", [(4, 5), (4, 5, 3, 2), (4, 0, 3), ()])
def test_epochs_must_match(steps):
    with pytest.raises(ValueError, match="for each of 3 epochs. Received: "):
        make_schedule(Schedule(epochs=3), steps)


@pytest.mark.parametrize("warmup_steps", [12, 3000])
def test_a_warm_up_as_long_as_the_run(warmup_steps):
    with pytest.raises(ValueError) as caught:
        small(warmup_steps=warmup_steps)
    assert f"is {warmup_steps}, and the 3 epochs have 12" in str(caught.value)


# === Inside compiled training steps ===

# The gradient of the output is 1: each step subtracts its rate.
SUM_OF_RATES = """
import json
import keras, numpy as np
from keras_mobilevit.training.schedule import make_schedule
from keras_mobilevit.training.sections import Schedule

def run(per, jit_compile):
    config = Schedule(3, 0.1, 1.0, 0.2, 2, per)
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(
        keras.optimizers.SGD(make_schedule(config, [4, 5, 3])),
        loss=lambda y, prediction: prediction,
        jit_compile=jit_compile,
    )
    x = np.ones((12, 1), "float32")
    model.fit(x, x, batch_size=1, verbose=0)
    return -layer.get_weights()[0].item()

print(json.dumps([
    run(per, jit_compile)
    for jit_compile in (False, "auto")
    for per in ("epoch", "step")
]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_in_a_compiled_step(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SUM_OF_RATES],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    per_epoch = 0.1 + 0.55 + 2 * 1.0 + 5 * 0.8 + 3 * 0.4
    # Ten cosines, of which all but the first cancel out.
    per_step = 0.1 + 0.55 + 10 * 0.6 + 0.4
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(
        [per_epoch, per_step] * 2, rel=1e-5
    )
