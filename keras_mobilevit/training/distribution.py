"""Several devices or machines, by the engines that Keras backends have.

TensorFlow brings `tf.distribute`, JAX `keras.distribution`. Nothing here moves
a gradient itself: it names the engine, and hands each process its share.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_mobilevit.training.hosts import (
    check_hosts,
    join_jax,
    join_tensorflow,
)

STRATEGIES = ("none", "mirrored", "multi_worker", "data_parallel")

_BACKENDS = {
    "mirrored": ("tensorflow",),
    "multi_worker": ("tensorflow", "jax"),
    "data_parallel": ("jax",),
}


@dataclasses.dataclass(frozen=True)
class Distribution:
    """How the work is shared.

    Attributes:
        replicas: Copies of the model; each takes its own part of a batch.
        local_replicas: Those that this process feeds.
        is_chief: Whether this process writes the files of the run.
        strategy: `tf.distribute.Strategy`, or `None`.
        own_devices: `keras.distribution.Distribution` over the devices of this
            process, where it is one of several on JAX; else `None`.
    """

    replicas: int = 1
    local_replicas: slice = dataclasses.field(
        default_factory=lambda: slice(0, 1)
    )
    is_chief: bool = True
    strategy: Any = None
    own_devices: Any = None

    def scope(self) -> contextlib.AbstractContextManager:
        """Context in which the model is built and compiled."""
        if self.strategy is None:
            return contextlib.nullcontext()
        return self.strategy.scope()

    def alone(self) -> contextlib.AbstractContextManager:
        """Context in which this process prepares its share of the input.

        On JAX, Keras puts every variable on all devices of all processes, and
        each of them has to take part. What mixes images and what teaches work
        on the devices of this process instead.
        """
        if self.own_devices is None:
            return contextlib.nullcontext()
        return self.own_devices.scope()

    def require_same(self, **facts: int) -> None:
        """Checks that all processes work on the same run.

        All of them have to call it. Otherwise, where they differ, each would
        wait for a step that another one does not take.

        Args:
            facts: Non-negative numbers of less than 63 bits, by their names.

        Raises:
            ValueError: On all processes, if they differ.
        """
        if self.local_rows == self.replicas:
            return
        rows = self._gather(np.array(list(facts.values()), "uint64"))
        differing = [
            f"{name} {sorted(set(column))}"
            for name, column in zip(facts, rows.T.tolist(), strict=True)
            if len(set(column)) > 1
        ]
        if differing:
            raise ValueError(
                "All processes need the same recipe, seed and pictures, and "
                "one folder of the run that all of them see. Received "
                f"different ones: {', '.join(differing)}"
            )

    def dataset(
        self,
        batches: Callable[[], Iterator[tuple]],
        *,
        like: tuple[Any, np.ndarray],
        shared: bool = False,
    ) -> Any:
        """Wraps a generator so that `fit` takes it.

        Args:
            batches: Makes an iterator of `(inputs, targets)`, arrays or dicts
                of them; the rows of this process's replicas lie one behind
                the other.
            like: Inputs and targets of the same ranks and types.
            shared: Whether the rows are those of all processes, and each
                replica gets all of them. JAX spreads them over its devices
                instead; where they do not come out even, it gets the first
                ones twice.
        """
        if keras.backend.backend() != "tensorflow":
            return self._spread(batches(), shared)
        import tensorflow as tf

        rows = 1 if self.strategy is None else self.local_rows

        def by_replica():
            for batch in batches():
                for row in range(rows):
                    yield batch if shared else _part(batch, row, rows)

        dataset = tf.data.Dataset.from_generator(
            by_replica,
            output_signature=keras.tree.map_structure(_signature, like),
        )
        if self.strategy is None:
            return dataset.prefetch(1)
        return self.strategy.distribute_datasets_from_function(
            lambda context: dataset.prefetch(rows)
        )

    def sync_batch_norms(self, model: keras.Model) -> None:
        """Lets batch norms take their statistics over all replicas.

        Without a strategy they do so anyway: a process sees all of a batch,
        on JAX also where it is spread over devices.
        """
        for layer in model._flatten_layers() if self.strategy else ():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def prepare(self, model: keras.Model, like: tuple[Any, np.ndarray]) -> None:
        """Makes a compiled model fit for `fit`; to be called in the scope.

        Keras (up to 3.15 at least) builds metrics by a batch that it takes at
        the start of each `fit`, which would be missing from the epoch, and
        fails to with several workers. So they are built here. With several
        workers, it also fails to average the logs of a step, which it takes
        for vectors. So they become vectors.

        Args:
            model: Compiled model.
            like: Any inputs and targets.
        """
        model._symbolic_build(data_batch=like)
        model._maybe_symbolic_build = lambda *args, **kwargs: None
        if self.strategy is None or self.local_rows == self.replicas:
            return
        model.train_step = _with_vector_logs(model.train_step)
        model.test_step = _with_vector_logs(model.test_step)

    @property
    def local_rows(self) -> int:
        """Number of the replicas that this process feeds."""
        return self.local_replicas.stop - self.local_replicas.start

    def _spread(self, batches, shared):
        """Batches for JAX, which puts those of all processes together."""
        while True:
            with self.alone():
                batch = next(batches, None)
            if batch is None:
                return
            if shared:
                batch = keras.tree.map_structure(self._own_rows, batch)
            yield batch

    def _own_rows(self, array):
        array = _fill(array, self.replicas)
        return np.split(array, self.replicas // self.local_rows)[
            self.local_replicas.start // self.local_rows
        ]

    def _gather(self, numbers):
        """Those of all processes, one a row, perhaps several times."""
        if self.strategy is None:
            from jax.experimental import multihost_utils

            # JAX has 64 bits only where it is asked to.
            halves = multihost_utils.process_allgather(numbers.view("uint32"))
            return np.asarray(halves).view("uint64")
        row = keras.ops.convert_to_tensor(numbers[None].astype("int64"))
        rows = self.strategy.experimental_distribute_values_from_function(
            lambda context: row
        )
        return self.strategy.gather(rows, axis=0).numpy()


def _fill(array, divisor):
    """Rows of an array, and its first ones again up to a multiple."""
    missing = -len(array) % divisor
    return np.resize(array, (len(array) + missing, *array.shape[1:]))


def _part(batch, row, rows):
    """What one replica gets of a batch."""
    return keras.tree.map_structure(lambda x: np.split(x, rows)[row], batch)


def _signature(array):
    """Of arrays like this, with more or fewer rows and of other sizes.

    Sizes change from batch to batch: with unknown sides TensorFlow traces the
    step once, and not once a size.
    """
    import tensorflow as tf

    sides = (None,) * array.ndim
    if array.ndim == 4:  # Images, whose channels layers have to know.
        sides = (*sides[:3], array.shape[3])
    return tf.TensorSpec(sides, array.dtype)


def _with_vector_logs(step):
    def vector_step(data):
        return {name: value[None] for name, value in step(data).items()}

    return vector_step


def open_distribution(
    name: str = "none",
    *,
    hosts: Sequence[str] = (),
    host_index: int | None = None,
) -> Distribution:
    """Sets up an engine; to be called before TensorFlow or JAX do anything.

    Args:
        name: `"none"`; `"mirrored"`, all GPUs of this machine (TensorFlow);
            `"data_parallel"`, all devices of this machine (JAX);
            `"multi_worker"`, this process is one of several, which may be on
            other machines (TensorFlow, JAX).
        hosts: `"host:port"` of each process of `"multi_worker"`; ports are any
            free ones. JAX uses only the first address, and the number of
            them. By default, TensorFlow looks into `TF_CONFIG`; JAX into
            `KERAS_DISTRIBUTION_JOB_ADDRESSES`,
            `KERAS_DISTRIBUTION_NUM_PROCESSES` and
            `KERAS_DISTRIBUTION_PROCESS_ID`, or asks Slurm, Open MPI or the
            TPU.
        host_index: Which of the hosts this process is; 0 writes the files.

    Raises:
        ValueError: If the name is unknown, the backend has no such engine, or
            the hosts are missing or wrong.
        RuntimeError: If JAX has computed something before.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f"`distribution` must be one of {list(STRATEGIES)}. Received: "
            f"{name}"
        )
    if hosts or host_index is not None:
        if name != "multi_worker":
            raise ValueError(
                "`hosts` and `host_index` belong to "
                f"`distribution='multi_worker'`. Received: {name!r}"
            )
        check_hosts(hosts, host_index)
    if name == "none":
        return Distribution()
    backend = keras.backend.backend()
    if backend not in _BACKENDS[name]:
        needed = " or ".join(_BACKENDS[name])
        raise ValueError(
            f"`distribution={name!r}` needs the {needed} backend of Keras "
            f"(KERAS_BACKEND={_BACKENDS[name][0]}). Received: {backend}"
        )
    if backend == "jax":
        if name == "multi_worker":
            join_jax(hosts, host_index)
        return _spread_over_jax()
    if name == "multi_worker":
        return _join_tensorflow(hosts, host_index)
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy()
    replicas = strategy.num_replicas_in_sync
    return Distribution(replicas, slice(0, replicas), strategy=strategy)


def _join_tensorflow(hosts, host_index):
    strategy = join_tensorflow(hosts, host_index)
    resolver = strategy.cluster_resolver
    workers = len(resolver.cluster_spec().as_dict().get("worker", [None]))
    rank = resolver.task_id or 0
    local = strategy.num_replicas_in_sync // workers
    return Distribution(
        strategy.num_replicas_in_sync,
        slice(rank * local, (rank + 1) * local),
        is_chief=rank == 0,
        strategy=strategy,
    )


def _spread_over_jax():
    """All devices of all processes of JAX."""
    import jax

    def over(devices):
        # The rows of a batch go to the devices in their order.
        names = [f"{device.platform}:{device.id}" for device in devices]
        return keras.distribution.DataParallel(
            devices=names,
            auto_shard_dataset=False,  # Each process loads its own rows.
        )

    devices = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
    keras.distribution.set_distribution(over(devices))
    processes, rank = jax.process_count(), jax.process_index()
    local = jax.local_device_count()
    if local * processes != len(devices):
        raise ValueError(
            "Each process needs as many devices as any other. Received: "
            f"{local} of {len(devices)} devices in one of {processes} processes"
        )
    return Distribution(
        len(devices),
        slice(rank * local, (rank + 1) * local),
        is_chief=rank == 0,
        own_devices=over(jax.local_devices()) if processes > 1 else None,
    )
