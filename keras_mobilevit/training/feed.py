"""What is made by number, in order and ahead of its use, by grain.

By threads of this process, or by worker processes, which do not wait for each
other's interpreter lock.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from typing import Any

from keras_mobilevit.machine import usable_cores
from keras_mobilevit.optional_imports import import_optional

# Of threads, at most so many, each of which makes an element while another one
# is in use. More would wait for the interpreter lock rather than for the work.
AHEAD = 4


class Feed:
    """An iterator over what a function makes of 0, 1, 2 and so on.

    Of n worker processes, each makes every n-th element. At most four of each
    one, and two that are unpacked, wait to be taken. The processes live until
    the last element is taken or the feed is closed, and end by themselves if
    this one does.

    Args:
        make: Makes the element of a number. Dicts, tuples and lists of arrays
            travel from workers in shared memory.
        count: Number of elements.
        workers: Processes; 0 for threads of this process. The worker processes
            get a copy of `make`, and import the script that runs.
        unpack: Applied to each element by a thread of this process. What
            comes from a worker may lie in memory that goes when it does, so
            this has to copy.

    Raises:
        ValueError: If the number of workers is negative, or `make` can not be
            sent to workers.
    """

    def __init__(
        self,
        make: Callable[[int], Any],
        count: int,
        *,
        workers: int = 0,
        unpack: Callable[[Any], Any],
    ):
        if workers < 0:
            raise ValueError(
                "`workers` must be a number of processes, or 0 for threads. "
                f"Received: {workers}"
            )
        self.count = count
        self._taken = 0
        self._lock = threading.Lock()
        self._closed = not count
        self._elements = self._dataset = None
        self._workers = workers = min(workers, count)
        if count:
            kind = _Sent if workers else _Here
            self._dataset = _dataset(kind(make, count), workers, unpack)

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> Any:
        """The next element.

        Raises:
            Exception: Whatever `make` raises.
            RuntimeError: If a worker process ended.
            StopIteration: After the last element, and when it is closed.
        """
        # TensorFlow takes elements in a thread of its own, which may still do
        # so when the feed is closed.
        with self._lock:
            if self._closed:
                raise StopIteration
            outcome = self._take()
        if isinstance(outcome, _Failure):
            self.close()
            raise outcome.error
        return outcome

    def _take(self):
        if self._elements is None:
            self._elements = iter(self._dataset)
        try:
            outcome = next(self._elements)
        except Exception as error:
            reason = str(error).rstrip(".")
        else:
            self._taken += 1
            if self._taken == self.count:
                self._stop()
            return outcome
        self._stop()
        raise RuntimeError(
            f"A worker process that makes batches has ended: {reason}. "
            "Perhaps memory ran out, or shared memory (of Docker: "
            "`--shm-size`); or the script that trains does so without "
            '`if __name__ == "__main__":`, which it needs with worker '
            "processes. `workers=0` does without them."
        )

    def close(self) -> None:
        """Stops threads and processes, and waits for the processes."""
        with self._lock:
            self._stop()

    def _stop(self):
        self._closed = True
        elements, self._elements, self._dataset = self._elements, None, None
        # Version 0.2.13 has no `close`, but stops what nobody refers to.
        if hasattr(elements, "close"):
            elements.close()
        if elements is not None and self._workers:
            # The end of a worker is an error, which refers to the last element,
            # in shared memory, and to itself.
            del elements
            gc.collect()


def _dataset(source, workers, unpack):
    grain = _import_grain()
    numbers = grain.MapDataset.source(source)
    unpack = _Unpack(unpack)
    if not workers:
        threads = min(usable_cores(), AHEAD)
        ahead = max(threads, 2)
        return numbers.map(unpack).to_iter_dataset(
            grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
        )
    _allow_flags()
    alone = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    options = grain.MultiprocessingOptions(num_workers=workers)
    made = numbers.to_iter_dataset(alone).mp_prefetch(
        options, worker_init_fn=_start_worker
    )
    # To unpack a batch takes long enough to be done during a step.
    return grain.experimental.ThreadPrefetchIterDataset(
        made.map(unpack), prefetch_buffer_size=1
    )


def _import_grain():
    """Imports it without its word that JAX, if it is missing, is missing."""
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        return import_optional("grain", extra="train")
    finally:
        logging.root.removeHandler(handler)


def _allow_flags():
    """Lets grain 0.2.18 read its flags in a program that has none.

    https://github.com/google/grain/issues/1355: beside JAX it does so before
    absl allows it.
    """
    flags = import_optional("absl.flags", extra="train").FLAGS
    if not flags.is_parsed():
        flags.mark_as_parsed()


class _Here:
    """The elements as grain asks for them; errors are elements too.

    An error that leaves a worker would arrive as another one.
    """

    def __init__(self, make, count):
        self._make = make
        self._count = count

    def __len__(self):
        return self._count

    def __getitem__(self, number):
        try:
            return self._make(number)
        except Exception as error:
            return _Failure(error)


class _Sent(_Here):
    """The same, on their way to workers; unpacked where they are asked for."""

    def __init__(self, make, count):
        super().__init__(None, count)
        self._packed = _pack(make)

    def __getitem__(self, number):
        if self._make is None:
            self._make, self._packed = pickle.loads(self._packed), None
        return super().__getitem__(number)


def _pack(make):
    cloudpickle = import_optional("cloudpickle", extra="train")
    try:
        return cloudpickle.dumps(make)
    # Objects of others raise whatever they like.
    except Exception as error:
        raise ValueError(
            "The data set can not be sent to worker processes "
            f"({type(error).__name__}: {error}). Use `workers=0`, which "
            "prepares pictures by threads of this process."
        ) from error


class _Failure:
    """An error as an element."""

    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        try:
            pickle.loads(pickle.dumps(self.error))
        except Exception:
            text = f"{type(self.error).__name__}: {self.error}"
            return _Failure, (RuntimeError(text),)
        return _Failure, (self.error,)


class _Unpack:
    """Applies a function to elements, but not to errors."""

    def __init__(self, unpack):
        self._unpack = unpack

    def __call__(self, outcome):
        if isinstance(outcome, _Failure):
            return outcome
        try:
            return self._unpack(outcome)
        except Exception as error:
            return _Failure(error)


# === In a worker process ===


def _start_worker(index, count):
    # Ctrl-C goes to all processes of a terminal. The one that trains saves
    # first, and closes its workers then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent():
    """Ends this process when the one that started it has ended, however."""
    multiprocessing.parent_process().join()
    os._exit(1)
