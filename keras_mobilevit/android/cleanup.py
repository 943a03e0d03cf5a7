"""Leaves the phone as it was found, whatever ends the measurement."""

from __future__ import annotations

import contextlib
import signal
import threading
import types
import warnings
from collections.abc import Callable, Iterator

from keras_mobilevit.android.errors import (
    AndroidError,
    DeviceGoneError,
    NoAnswerError,
)

# Signals that ask a process to end, beside that of Ctrl-C.
_ENDING = [
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP")
    if hasattr(signal, name)
]


class Cleanup:
    """Steps that undo others; a context manager that takes the last first."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def add(self, what: str, undo: Callable[[], object]) -> None:
        """Remembers a step.

        Args:
            what: What remains on the phone if it fails, for a warning.
            undo: Undoes it; may raise `AndroidError`.
        """
        self._steps.append((what, undo))

    def __enter__(self) -> Cleanup:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Takes all steps; what fails is told by a warning, once."""
        # Whatever ended the measurement, the phone may be back: the first
        # step tells. After it nothing waits for a phone that is not there.
        gone, reason = False, ""
        remaining = []
        with _signals(signal.SIG_IGN, (signal.SIGINT, *_ENDING)):
            while self._steps:
                what, undo = self._steps.pop()
                try:
                    if not gone:
                        undo()
                except AndroidError as failure:
                    gone = isinstance(failure, (DeviceGoneError, NoAnswerError))
                    reason = reason or f" {failure}"
                    remaining.append(what)
                else:
                    if gone:
                        remaining.append(what)
        if remaining:
            warnings.warn(
                f"The phone could not be cleaned up: {'; '.join(remaining)}."
                f"{reason}",
                stacklevel=2,
            )


@contextlib.contextmanager
def ending_signals_raise() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP raise `SystemExit`, so that cleanups run."""

    def leave(number, frame):
        raise SystemExit(128 + number)

    with _signals(leave, _ENDING):
        yield


@contextlib.contextmanager
def _signals(handler, numbers):
    if threading.current_thread() is not threading.main_thread():
        # Only there can handlers be set; others handle signals themselves.
        yield
        return
    kept = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in kept.items():
            # None stands for a handler that was not set by Python.
            if previous is not None:
                signal.signal(number, previous)
