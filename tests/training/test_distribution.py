"""Two processes on this machine, against one, and against each other."""

import csv
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
from keras_mobilevit.training.hosts import join_jax, undistributed

WORKER = pathlib.Path(__file__).with_name("distributed_worker.py")


# In the small network, nothing but the mean of a batch norm follows what this
# adds. It has no gradient then but noise, of which Adam makes steps.
WITHOUT_GRADIENT = "mobile_vi_t_block/norm/vars/1"
# That mean.
ITS_MEAN = "mobile_vi_t_block/project_out/norm/vars/2"


def start(pictures, run_dir, kind, *options, backend, devices=1, **variables):
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, WORKER, pictures, run_dir, kind, *map(str, options)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def by_options(hosts, index):
    return {"WORKER_HOSTS": ",".join(hosts), "WORKER_INDEX": str(index)}


def by_tensorflow(hosts, index):
    task = {"type": "worker", "index": index}
    return {
        "TF_CONFIG": json.dumps({"cluster": {"worker": hosts}, "task": task})
    }


def by_keras(hosts, index):
    prefix = "KERAS_DISTRIBUTION_"
    return {
        f"{prefix}JOB_ADDRESSES": ",".join(hosts),
        f"{prefix}NUM_PROCESSES": str(len(hosts)),
        f"{prefix}PROCESS_ID": str(index),
    }


def start_pair(pictures, run_dir, *options_of_second, variables, **options):
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
            **variables(hosts, index),
            **options,
        )
        for index in range(2)
    ]


def finish(*processes):
    for process in processes:
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0, output[-3000:]


def read_column(run_dir, name):
    with (run_dir / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def read_weights(run_dir):
    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found.append((name, item[()]))

    with h5py.File(run_dir / "model.weights.h5") as file:
        file.visititems(visit)
    return found


def assert_same_run(run_dir, other):
    """After 20 steps and more, the same losses and weights up to rounding.

    Sums over a batch are split in two, so they are not equal to the bit.
    """
    assert sum(read_column(run_dir, "steps")) >= 20
    for name in ("loss", "val_loss"):
        losses = [read_column(folder, name) for folder in (run_dir, other)]
        assert len(losses[0]) == 2
        np.testing.assert_allclose(*losses, rtol=1e-5)
    compared = 0
    for (name, a), (other_name, b) in zip(
        read_weights(run_dir), read_weights(other), strict=True
    ):
        assert name == other_name
        if not name.endswith((WITHOUT_GRADIENT, ITS_MEAN)):
            np.testing.assert_allclose(a, b, 1e-5, 1e-5, err_msg=name)
            compared += 1
    assert compared == len(read_weights(other)) - 2


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_workers(backend, tmp_path):
    """The same run as one process, and a killed run ends the same."""
    pytest.importorskip(backend)
    # Sizes differ from step to step on TensorFlow, so there are fewer steps.
    count = {"tensorflow": 160, "jax": 60}[backend]
    pictures = write_class_images(tmp_path / "pictures", count)
    finish(start(pictures, tmp_path / "one", "summed", backend=backend))
    variables = by_keras if backend == "jax" else by_tensorflow
    options = {"backend": backend, "variables": variables}
    finish(*start_pair(pictures, tmp_path / "two", **options))
    assert_same_run(tmp_path / "two", tmp_path / "one")

    options["variables"] = by_options
    killed = tmp_path / "killed"
    chief, second = start_pair(pictures, killed, 13, **options)
    assert second.wait(timeout=900) == -signal.SIGKILL
    state = killed / "state.weights.h5"
    for _ in range(300):  # The chief saves its step on its own time.
        if state.exists():
            break
        time.sleep(0.1)
    chief.kill()
    chief.communicate()
    second.communicate()
    assert len(read_column(killed, "loss")) == 1
    finish(*start_pair(pictures, killed, **options))
    for (name, a), (_, b) in zip(
        read_weights(killed), read_weights(tmp_path / "two"), strict=True
    ):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.slow
def test_two_devices_of_jax(tmp_path):
    """The same run as one device."""
    pytest.importorskip("jax")
    pictures = write_class_images(tmp_path / "pictures", 60)
    for name, kind, devices in (
        ("one", "summed", 1),
        ("two", "data_parallel", 2),
    ):
        finish(
            start(
                pictures,
                tmp_path / name,
                kind,
                backend="jax",
                devices=devices,
            )
        )
    assert_same_run(tmp_path / "two", tmp_path / "one")


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


@pytest.mark.parametrize(
    ("local", "training", "test"),
    [
        (slice(0, 4), [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 0, 1, 2]),
        (slice(0, 2), [0, 1, 2, 3, 4], [0, 1, 2, 3]),
        (slice(2, 4), [0, 1, 2, 3, 4], [4, 0, 1, 2]),
    ],
)
def test_rows_of_a_batch_become_shares_of_processes(local, training, test):
    """Four devices of JAX, of one process or of two."""
    if keras.backend.backend() == "tensorflow":
        pytest.skip("tf.distribute gives each replica all of a test batch")
    engine = Distribution(4, local)
    rows = np.arange(5.0, dtype="float32")

    def firsts(**options):
        batch = (rows, -rows)
        ((x, y),) = engine.dataset(lambda: iter([batch]), like=batch, **options)
        assert (x == -y).all()
        return x.tolist()

    # The loader has made them for the devices of this process.
    assert firsts() == training
    assert firsts(shared=True) == test


def test_what_prepares_batches_works_alone():
    """Where it works, and where what trains goes on."""
    if keras.backend.backend() != "jax":
        pytest.skip("keras.distribution is JAX's")
    everywhere, here = (
        keras.distribution.DataParallel(devices=["cpu:0"]) for _ in range(2)
    )
    engine = Distribution(2, slice(0, 1), own_devices=here)
    found = []

    def batches():
        found.append(keras.distribution.distribution())
        yield (np.zeros(1),)

    with everywhere.scope():
        for _ in engine.dataset(batches, like=(np.zeros(1),)):
            found.append(keras.distribution.distribution())
        with undistributed():
            found.append(keras.distribution.distribution())
        found.append(keras.distribution.distribution())
    assert found == [here, everywhere, None, everywhere]


def test_processes_have_to_agree(monkeypatch):
    engine = Distribution(2, slice(0, 1))
    rows = np.array([[7, 0, 2**32 - 1], [7, 3, 2**32 - 1]])
    monkeypatch.setattr(Distribution, "_gather", lambda self, numbers: rows)
    with pytest.raises(ValueError, match=r"different ones: epochs \[0, 3\]$"):
        engine.require_same(seed=7, epochs=0, recipe=2**32 - 1)
    rows[1, 1] = 0
    engine.require_same(seed=7, epochs=0, recipe=2**32 - 1)
    # There is nobody to ask.
    Distribution(2, slice(0, 2)).require_same(seed=7)


@pytest.mark.parametrize(
    ("hosts", "index", "message"),
    [
        (["a:1"], 0, "at least two different"),
        (["a:1", "a:1"], 0, "at least two different"),
        (["a:1", "b"], 0, "at least two different"),
        (["a:1", "b:1,c:1"], 0, "at least two different"),
        ("a:1,b:1", 0, "at least two different"),
        ([], 0, "at least two different"),
        (["a:1", "b:1"], 2, "from 0 to 1. Received: 2"),
        (["a:1", "b:1"], -1, "from 0 to 1"),
        (["a:1", "b:1"], None, "from 0 to 1"),
    ],
)
def test_hosts_that_can_not_be(hosts, index, message):
    with pytest.raises(ValueError, match=message):
        open_distribution("multi_worker", hosts=hosts, host_index=index)


def test_hosts_of_one_process():
    with pytest.raises(ValueError, match="belong to .*multi_worker"):
        open_distribution("none", hosts=["a:1", "b:1"], host_index=0)


def test_jax_does_not_know_its_hosts(monkeypatch):
    """What it says; here it has computed already, and would say that."""
    pytest.importorskip("jax")

    def initialize(*arguments):
        assert arguments == (None, None, None)
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(keras.distribution, "initialize", initialize)
    with pytest.raises(ValueError, match="--host-index.*coordinator_address"):
        join_jax((), None)


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
