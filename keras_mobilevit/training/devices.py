"""What this machine trains on, and what that says about its input."""

from __future__ import annotations

import keras

from keras_mobilevit.machine import usable_cores

# Each takes memory and a second or two to start. Beyond that, ask for them.
_MOST_WORKERS = 8


def has_gpu() -> bool:
    """Whether the backend of Keras has a GPU or a TPU to train on."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices()
        return any(device.device_type != "CPU" for device in devices)
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    if backend == "torch":
        import torch

        return torch.cuda.is_available()
    return False


def default_workers() -> int:
    """How many processes prepare pictures, if nobody says.

    On a processor a training step takes twenty times as long as its input, and
    all cores: none. Beside a GPU, one for each core but that of this process,
    up to 8; but none for fewer than 4 cores.
    """
    cores = usable_cores()
    if cores < 4 or not has_gpu():
        return 0
    return min(cores - 1, _MOST_WORKERS)
