"""Several devices or machines, by the engines that Keras backends have.

TensorFlow brings `tf.distribute`, JAX `keras.distribution`. Nothing here moves
a gradient itself: it names the engine, and hands each process its share.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

STRATEGIES = ("none", "mirrored", "multi_worker", "data_parallel")


@dataclasses.dataclass(frozen=True)
class Distribution:
    """How the work is shared.

    Attributes:
        replicas: Copies of the model; each takes its own part of a batch.
        local_replicas: Those that this process feeds.
        is_chief: Whether this process writes the files of the run.
        strategy: `tf.distribute.Strategy`, or `None`.
    """

    replicas: int = 1
    local_replicas: slice = dataclasses.field(
        default_factory=lambda: slice(0, 1)
    )
    is_chief: bool = True
    strategy: Any = None

    def scope(self) -> contextlib.AbstractContextManager:
        """Context in which the model is built and compiled."""
        if self.strategy is None:
            return contextlib.nullcontext()
        return self.strategy.scope()

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
            shared: Whether each replica gets all rows instead of its own. JAX
                spreads them over its devices instead; where they do not come
                out even, it gets the first ones twice.
        """
        if keras.backend.backend() != "tensorflow":
            fill = functools.partial(_fill, divisor=self.replicas)
            return (keras.tree.map_structure(fill, b) for b in batches())
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


def open_distribution(name: str = "none") -> Distribution:
    """Sets up an engine.

    Args:
        name: `"none"`; `"mirrored"`, all GPUs of this machine (TensorFlow);
            `"multi_worker"`, this process is one of several that `TF_CONFIG`
            lists (TensorFlow; call this before anything else of it);
            `"data_parallel"`, all devices of this machine (JAX).

    Raises:
        ValueError: If the name is unknown, or the backend has no such engine.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f"`distribution` must be one of {list(STRATEGIES)}. Received: "
            f"{name}"
        )
    if name == "none":
        return Distribution()
    backend = keras.backend.backend()
    needed = "jax" if name == "data_parallel" else "tensorflow"
    if backend != needed:
        raise ValueError(
            f"`distribution={name!r}` needs the {needed} backend of Keras "
            f"(KERAS_BACKEND={needed}). Received: {backend}"
        )
    if name == "data_parallel":
        parallel = keras.distribution.DataParallel()
        keras.distribution.set_distribution(parallel)
        devices = len(keras.distribution.list_devices())
        return Distribution(devices, slice(0, devices))

    import tensorflow as tf

    if name == "mirrored":
        strategy = tf.distribute.MirroredStrategy()
        replicas = strategy.num_replicas_in_sync
        return Distribution(replicas, slice(0, replicas), strategy=strategy)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
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
