"""Progress of long loops: a bar, or lines where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from keras_mobilevit.optional_imports import import_optional

if TYPE_CHECKING:
    from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0
# What tqdm shows by default, but for the bar itself.
_LINE = (
    "{l_bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
)


def progress_bar(iterable: Iterable | None = None, **options: Any) -> tqdm:
    """A bar of tqdm on standard error, if that is a terminal.

    Elsewhere, as in a log file or a notebook, it becomes a line every few
    seconds. A loop that ends before the first of them is not mentioned.

    Args:
        iterable: As in tqdm.
        **options: Those of tqdm.

    Raises:
        ImportError: If tqdm is missing.
    """
    make_bar = import_optional("tqdm", extra="runtime").tqdm
    if sys.stderr.isatty():
        return make_bar(iterable, **options)
    return make_bar(
        iterable,
        **{
            "file": _Lines(sys.stderr),
            "bar_format": _LINE,
            "mininterval": SECONDS_BETWEEN_LINES,
            "maxinterval": SECONDS_BETWEEN_LINES,
            "miniters": 1,
            "delay": SECONDS_BETWEEN_LINES,
            **options,
        },
    )


def write_line(bar: tqdm, text: str) -> None:
    """Writes a line among those of a progress bar, unless it is disabled."""
    if bar.disable:
        return
    if sys.stderr.isatty():
        # Above the bar.
        bar.write(text, file=sys.stderr)
    else:
        bar.fp.write(text)


class _Lines:
    """A file that gets the states of a bar, and writes each as a line."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.encoding = getattr(stream, "encoding", "utf-8")

    def write(self, text: str) -> None:
        # A state begins by going back to the start of the line.
        if text := text.strip("\r\n "):
            self._stream.write(f"{text}\n")

    def flush(self) -> None:
        self._stream.flush()
