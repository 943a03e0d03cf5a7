"""Where the time of an epoch goes, on whatever backend."""

import time

import keras
import numpy as np

from keras_mobilevit.training.callbacks import Callbacks
from keras_mobilevit.training.distribution import Distribution
from keras_mobilevit.training.input_clock import InputClock

STEPS, PAUSE = 8, 0.1
BATCH = (
    np.zeros((2, 4, 4, 3), np.float32),
    np.eye(3, dtype=np.float32)[:2],
)


@keras.saving.register_keras_serializable(package="tests")
class Slow(keras.layers.Layer):
    """Takes its time, like the work of a device."""

    def call(self, inputs):
        time.sleep(PAUSE)
        return inputs


def slowly():
    for _ in range(STEPS):
        time.sleep(PAUSE)
        yield BATCH


def quickly():
    yield from [BATCH] * STEPS


def measure(batches, *layers):
    """Seconds that an epoch of `fit` waited, and that it took."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    # Every step is run by Python, and so takes as long as its layers.
    model.compile("sgd", "mse", run_eagerly=True)
    engine = Distribution()
    engine.prepare(model, BATCH)
    for _ in range(2):  # The first time, libraries are loaded.
        clock = InputClock()
        began = time.monotonic()
        model.fit(
            engine.dataset(lambda: clock.watch(batches()), like=BATCH),  # noqa: B023
            shuffle=False,
            steps_per_epoch=STEPS,
            verbose=0,
            callbacks=Callbacks([clock], model),
        )
        seconds = time.monotonic() - began
    return clock.seconds, seconds


def test_a_slow_source_is_waited_for():
    """Of each batch; what else a step does is a fraction."""
    waited, _ = measure(slowly)
    # TensorFlow takes a batch while a step runs, if only for some milliseconds.
    assert STEPS * PAUSE * 0.6 <= waited <= STEPS * PAUSE * 1.5


def test_a_slow_step_waits_for_nothing():
    waited, seconds = measure(quickly, Slow())
    assert seconds >= STEPS * PAUSE
    assert waited < 0.1 * seconds


def test_a_source_as_slow_as_the_step():
    """TensorFlow takes a batch while a step runs, the others do not."""
    waited, _ = measure(slowly, Slow())
    if keras.backend.backend() == "tensorflow":
        assert waited < STEPS * PAUSE * 0.5
    else:
        assert STEPS * PAUSE * 0.6 <= waited <= STEPS * PAUSE * 1.5


class Device:
    """A loss that is there when the device says so."""

    def __init__(self):
        self.done = False

    def __float__(self):
        while not self.done:
            time.sleep(0.001)
        return 1.0


def test_a_step_that_the_device_has_not_done_keeps_the_next():
    """Its batch came late, but not later than the device was free."""
    device, clock = Device(), InputClock()

    def batches():
        yield 0
        time.sleep(PAUSE)
        yield 1
        device.done = True
        time.sleep(PAUSE)
        yield 2

    for batch in clock.watch(batches()):
        clock.on_train_batch_begin(batch)
        logs = {"loss": device} if batch == 0 else {"loss": 0.0}
        clock.on_train_batch_end(batch, logs)
        if batch == 1:
            assert clock.seconds < PAUSE / 2
    clock.on_train_end()
    assert PAUSE * 0.8 <= clock.seconds <= PAUSE * 2


def test_what_callbacks_do_is_not_input():
    clock = InputClock()
    for batch in clock.watch(range(3)):
        clock.on_train_batch_begin(batch)
        time.sleep(PAUSE)  # The step, and a callback that saves.
        clock.on_train_batch_end(batch, {"loss": 0.0})
    clock.on_train_end()
    assert clock.seconds < PAUSE / 2
