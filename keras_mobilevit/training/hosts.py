"""The processes of a run: how they find each other, and how one works alone."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras


def check_hosts(hosts: Sequence[str], host_index: int | None) -> None:
    """Checks what somebody typed on each of several machines.

    Args:
        hosts: `"host:port"` of each process.
        host_index: Which of them this process is.

    Raises:
        ValueError: If an address is wrong or there twice, or the index is none
            of theirs.
    """
    if (
        isinstance(hosts, str)
        or len(set(hosts)) < max(len(hosts), 2)
        or not all(re.fullmatch(r"[^,\s]+:\d+", host) for host in hosts)
    ):
        raise ValueError(
            "`hosts` must be at least two different addresses `host:port`, "
            f"the same ones in the same order everywhere. Received: {hosts}"
        )
    if host_index not in range(len(hosts)):
        raise ValueError(
            "`host_index` must be the position of this process among the "
            f"hosts, from 0 to {len(hosts) - 1}. Received: {host_index}"
        )


def join_tensorflow(hosts: Sequence[str], host_index: int | None) -> Any:
    """Joins the cluster of TensorFlow, whose other processes it waits for.

    Args:
        hosts: As in `check_hosts`; if empty, `TF_CONFIG` lists them.
        host_index: As in `check_hosts`.

    Returns:
        A `tf.distribute.MultiWorkerMirroredStrategy`.
    """
    import tensorflow as tf

    if not hosts:
        return tf.distribute.MultiWorkerMirroredStrategy()
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(hosts)}),
        task_type="worker",
        task_id=host_index,
        rpc_layer="grpc",
    )
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)


def join_jax(hosts: Sequence[str], host_index: int | None) -> None:
    """Joins the cluster of JAX, whose other processes it waits for.

    A process that has joined one before stays there.

    Args:
        hosts: As in `check_hosts`; if empty, the variables of
            `keras.distribution.initialize` name them, or JAX asks Slurm, Open
            MPI or the TPU.
        host_index: As in `check_hosts`.

    Raises:
        ValueError: If nothing says which the processes are.
        RuntimeError: If JAX has computed something before.
    """
    import jax

    if jax.distributed.is_initialized():
        return
    if hasattr(jax.config, "jax_enable_preemption_service"):
        # It would keep SIGTERM from ending the process.
        jax.config.update("jax_enable_preemption_service", False)
    try:
        keras.distribution.initialize(
            ",".join(hosts) or None, len(hosts) or None, host_index
        )
    except ValueError as error:
        raise ValueError(
            "`distribution='multi_worker'` has to know all processes. Pass "
            "`hosts` and `host_index` (`--hosts`, `--host-index`), or set "
            "KERAS_DISTRIBUTION_JOB_ADDRESSES, "
            "KERAS_DISTRIBUTION_NUM_PROCESSES and "
            f"KERAS_DISTRIBUTION_PROCESS_ID. Received: {error}"
        ) from error


@contextlib.contextmanager
def undistributed() -> Iterator[None]:
    """Inside, new variables of Keras are this process's only.

    For what one process does by itself, such as saving: Keras makes an
    optimizer there, to compare with, and on JAX it would wait for all other
    processes to make one too.
    """
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)
