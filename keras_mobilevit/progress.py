"""Progress of long work: a bar on a terminal, lines in the log of a command.

Commands say so by `progress_lines`. Anywhere else nothing is shown without a
terminal, because library code does not print.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Seconds between two lines; 0 for none.
INTERVAL_VARIABLE = "KERAS_MOBILEVIT_PROGRESS_SECONDS"
_INTERVAL = 5.0
# That of tqdm, which stands for any element.
_UNIT = "it"

# Outermost first; `None` where no lines are wanted.
_shown: list[_Lines] | None = None


def progress_bar(
    iterable: Iterable[Any] | None = None,
    *,
    desc: str,
    total: int | None = None,
    initial: int = 0,
    unit: str = _UNIT,
    leave: bool = True,
    disable: bool = False,
) -> Any:
    """A bar of tqdm on a terminal; else what writes its state as lines.

    Args:
        iterable: What to count the elements of, while they are taken.
        desc: What is being done.
        total: Number of elements, if it is known.
        initial: Number of those that were done before.
        unit: Name of an element. Lines tell the rate of those that have one.
        leave: Whether the bar stays on the terminal when it is done.
        disable: Show nothing.

    Returns:
        The bar: an iterable and a context manager with the methods `update`,
        `reset`, `set_description`, `set_postfix` and `close`.
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    if _shown is not None and not disable:
        return _Lines(iterable, desc, total, initial, unit)
    # It is optional, and slow to import for what prints help.
    from tqdm import tqdm

    return tqdm(
        iterable,
        desc=desc,
        total=total,
        initial=initial,
        unit=unit,
        leave=leave,
        disable=disable or None,
    )


def write_line(bar: Any, text: str) -> None:
    """Writes a line above a bar, or among its lines; nothing if it is hidden.

    Args:
        bar: From `progress_bar`.
        text: The line.
    """
    if isinstance(bar, _Lines):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    elif not bar.disable:
        bar.write(text, file=sys.stderr)


@contextlib.contextmanager
def stage(desc: str) -> Iterator[None]:
    """Names what takes long and can not be counted, in the lines of a log."""
    if _shown is None:
        yield
        return
    with _Lines(None, desc, None, 0, _UNIT):
        yield


@contextlib.contextmanager
def progress_lines() -> Iterator[None]:
    """Writes the state of the outermost bar to standard error, every 5 s.

    Only where that is no terminal, which shows the bars themselves. The
    environment variable `KERAS_MOBILEVIT_PROGRESS_SECONDS` holds another
    interval, or 0 for no lines.
    """
    global _shown
    interval = _interval()
    # A window without a console has no standard error.
    terminal = sys.stderr is None or sys.stderr.isatty()
    if not interval or terminal or _shown is not None:
        yield
        return
    _shown, stop = [], threading.Event()
    writer = threading.Thread(
        target=_write, args=(_shown, interval, stop), daemon=True
    )
    writer.start()
    try:
        yield
    finally:
        _shown = None
        stop.set()
        writer.join()


def _interval():
    text = os.environ.get(INTERVAL_VARIABLE, "")
    try:
        return max(float(text or _INTERVAL), 0.0)
    except ValueError as error:
        raise ValueError(
            f"{INTERVAL_VARIABLE} must be a number of seconds. Received: "
            f"{text!r}"
        ) from error


def _write(shown, interval, stop):
    while not stop.wait(interval):
        # Whoever works may close it in between.
        for bar in shown[:1]:
            sys.stderr.write(f"{bar}\n")
            sys.stderr.flush()


class _Lines:
    """Counts as a bar of tqdm does; `str` is its state."""

    def __init__(self, iterable, desc, total, initial, unit):
        self._items = iterable
        self._unit = unit
        self._bars = _shown
        self._start(desc, total, initial)
        self._bars.append(self)

    def _start(self, desc, total, initial):
        self._desc, self.total, self.n = desc, total, initial
        self._first, self._postfix = initial, ""
        self._began = time.monotonic()

    def __iter__(self):
        try:
            for item in self._items:
                yield item
                self.n += 1
        finally:
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __str__(self):
        n, seconds = self.n, time.monotonic() - self._began
        line = f"{self._desc}: "
        if self.total is not None or n:
            line += f"{n:,} of {self.total:,}, " if self.total else f"{n:,}, "
        line += f"{seconds:.0f} s"
        done = n - self._first
        if done and seconds and self._unit != _UNIT:
            line += f", {done / seconds:.1f} {self._unit}s/s"
        if self.total and done > 0:
            left = seconds * (self.total - n) / done
            line += f", about {left:.0f} s left"
        return line + self._postfix

    def update(self, n: int = 1) -> None:
        self.n += n

    def reset(self, total: int | None = None) -> None:
        self._start(self._desc, total, 0)

    def set_description(self, desc: str, refresh: bool = True) -> None:
        self._desc = desc

    def set_postfix(
        self, values: Mapping[str, str], refresh: bool = True
    ) -> None:
        pairs = (f", {name} {value}" for name, value in values.items())
        self._postfix = "".join(pairs)

    def close(self) -> None:
        if self in self._bars:
            self._bars.remove(self)
