"""How long training waits for its input."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import keras


class InputClock(keras.callbacks.Callback):
    """Measures how long the steps of an epoch waited for their batches.

    A step waits if nothing else keeps it: from when the step before and its
    callbacks are done, or from when its batch is asked for if that is later,
    until its batch is there. What is made while a step runs costs no time. A
    step is done when the device has its loss, which a thread waits for, because
    backends return before that; and TensorFlow takes batches ahead.

    One clock measures one epoch, as the last one of the callbacks.

    Attributes:
        seconds: Time that steps have waited so far.
    """

    def __init__(self):
        super().__init__()
        self.seconds = 0.0
        self._arrived = self._begun = self._done = 0
        self._free_at = time.monotonic()
        self._ended = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._wait_for_steps)
        self._thread.daemon = True

    def watch(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Hands on the training batches, and looks when they come.

        Args:
            batches: One for each step.
        """
        batches = iter(batches)
        asked = time.monotonic()
        for batch in batches:
            self._arrive(asked)
            yield batch
            asked = time.monotonic()

    def _arrive(self, asked):
        begun = min(self._begun, self._arrived)
        self._arrived += 1
        if begun == self._done:  # No step is running.
            waited = time.monotonic() - max(asked, self._free_at)
            self.seconds += max(waited, 0.0)

    def on_train_batch_begin(self, batch, logs=None):
        self._begun += 1

    def on_train_batch_end(self, batch, logs=None):
        if not self._thread.is_alive():
            self._thread.start()
        self._ended.put(dict(logs or {}))

    def on_test_begin(self, logs=None):
        self._stop()

    def on_train_end(self, logs=None):
        self._stop()

    def _stop(self):
        if self._thread.is_alive():
            self._ended.put(None)
            self._thread.join()

    def _wait_for_steps(self):
        while (logs := self._ended.get()) is not None:
            # Whatever is wrong with it is told where it is used.
            with contextlib.suppress(Exception):
                for value in logs.values():
                    float(value)
            self._free_at = time.monotonic()
            self._done += 1
