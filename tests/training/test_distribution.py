"""Two processes on this machine, against one, and against each other."""

import csv
import importlib.util
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import h5py
import keras
import numpy as np
import pytest
from class_images import write_class_images

from keras_mobilevit.training.distribution import (
    Distribution,
    open_distribution,
)

WORKER = pathlib.Path(__file__).with_name("distributed_worker.py")


def start(pictures, run_dir, kind, *options, tf_config=None, **environment):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment}
    if tf_config is not None:
        environment["TF_CONFIG"] = json.dumps(tf_config)
    return subprocess.Popen(
        [sys.executable, WORKER, pictures, run_dir, kind, *map(str, options)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def start_pair(pictures, run_dir, *options_of_second):
    """Chief and second worker of a cluster on the loopback device."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    hosts = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return [
        start(
            pictures,
            run_dir,
            "multi_worker",
            *(options_of_second if index else ()),
            tf_config={
                "cluster": {"worker": hosts},
                "task": {"type": "worker", "index": index},
            },
        )
        for index in range(2)
    ]


def finish(*processes):
    for process in processes:
        output, _ = process.communicate(timeout=500)
        assert process.returncode == 0, output[-3000:]


def read_losses(run_dir):
    with (run_dir / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [float(row[k]) for row in rows for k in ("loss", "val_loss")]


def read_weights(run_dir):
    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found.append((name, item[()]))

    with h5py.File(run_dir / "model.weights.h5") as file:
        file.visititems(visit)
    return found


@pytest.mark.slow
def test_two_workers(tmp_path):
    """The same losses as one process, and a killed run ends the same.

    Sums over a batch are split in two, so the losses are not equal to the bit.
    """
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.distribute is TensorFlow's")
    pictures = write_class_images(tmp_path / "pictures")
    finish(start(pictures, tmp_path / "one", "summed"))
    finish(*start_pair(pictures, tmp_path / "two"))
    losses = read_losses(tmp_path / "two")
    assert len(losses) == 4
    np.testing.assert_allclose(losses, read_losses(tmp_path / "one"), rtol=1e-5)

    chief, second = start_pair(pictures, tmp_path / "killed", 1)
    assert second.wait(timeout=500) == -signal.SIGKILL
    state = tmp_path / "killed" / "state.weights.h5"
    for _ in range(300):  # The chief saves its step on its own time.
        if state.exists():
            break
        time.sleep(0.1)
    chief.kill()
    chief.communicate()
    second.communicate()
    assert not (tmp_path / "killed" / "model.weights.h5").exists()
    finish(*start_pair(pictures, tmp_path / "killed"))
    for (name, a), (_, b) in zip(
        read_weights(tmp_path / "killed"),
        read_weights(tmp_path / "two"),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.slow
def test_two_devices_of_jax(tmp_path):
    """Accuracy and loss of training; tests count two pictures twice."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    pictures = write_class_images(tmp_path / "pictures")
    for name, kind, devices in (
        ("one", "summed", 1),
        ("two", "data_parallel", 2),
    ):
        flags = f"--xla_force_host_platform_device_count={devices}"
        process = start(
            pictures,
            tmp_path / name,
            kind,
            KERAS_BACKEND="jax",
            XLA_FLAGS=flags,
        )
        finish(process)
    np.testing.assert_allclose(
        read_losses(tmp_path / "two")[::2],
        read_losses(tmp_path / "one")[::2],
        rtol=1e-5,
    )


def test_rows_of_a_batch_become_parts_or_copies():
    """Two local replicas: each gets its half, and all of a test batch."""
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.data is TensorFlow's")

    class Strategy:
        """Hands on what the function of datasets returns."""

        def distribute_datasets_from_function(self, function):
            return function(None)

    engine = Distribution(4, slice(2, 4), strategy=Strategy())
    images = np.arange(4, dtype="float32").reshape(4, 1, 1, 1) + np.zeros(
        (1, 2, 2, 3), "float32"
    )
    targets = np.eye(4, dtype="float32")

    def firsts(**options):
        batch = images, targets
        dataset = engine.dataset(lambda: iter([batch]), like=batch, **options)
        assert isinstance(dataset, tf.data.Dataset)
        return [x.numpy()[:, 0, 0, 0].tolist() for x, _ in dataset]

    assert firsts() == [[0, 1], [2, 3]]
    assert firsts(shared=True) == [[0, 1, 2, 3]] * 2


def test_inputs_by_name():
    """Each replica gets its rows of all of them, of the types they have."""
    inputs = {
        "index": np.arange(4, dtype=np.int32),
        "places": np.arange(20, dtype=np.float32).reshape(4, 5),
    }
    batch = inputs, np.eye(4, dtype=np.float32)
    dataset = Distribution().dataset(lambda: iter([batch]), like=batch)
    ((found, targets),) = dataset
    assert found.keys() == inputs.keys()
    for name, expected in inputs.items():
        values = np.asarray(found[name])
        np.testing.assert_array_equal(values, expected)
        assert values.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(targets), batch[1])


def test_replicas_without_a_strategy_take_the_first_rows_twice():
    """As JAX needs them, whose devices get equally many."""
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has strategies")
    inputs = {"index": np.arange(3, dtype=np.int32)}
    batch = inputs, np.float32([[0], [1], [2]])
    ((found, targets),) = Distribution(2, slice(0, 2)).dataset(
        lambda: iter([batch]), like=batch
    )
    assert found["index"].tolist() == [0, 1, 2, 0]
    assert targets.tolist() == [[0], [1], [2], [0]]


def test_engines_that_are_not_there():
    with pytest.raises(ValueError, match="must be one of"):
        open_distribution("horovod")
    other = {"tensorflow": "data_parallel", "jax": "mirrored"}
    name = other.get(keras.backend.backend(), "mirrored")
    with pytest.raises(ValueError, match="needs the .* backend"):
        open_distribution(name)
