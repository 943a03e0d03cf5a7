"""Keeps what libraries print away from what a command prints."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def only_our_output() -> Iterator[None]:
    """Hides the logs of TensorFlow and LiteRT; tells warnings in a line each.

    Who sets `TF_CPP_MIN_LOG_LEVEL` sees the logs.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_plain_warnings())
        if _LOG_LEVEL not in os.environ:
            os.environ[_LOG_LEVEL] = "3"
            stack.callback(os.environ.pop, _LOG_LEVEL)
            # Before it looks at that level, and apart from it, C++ code logs
            # straight to file descriptor 2.
            if _writes_to(sys.stderr, 2):
                stack.enter_context(_descriptor_2_hidden())
        yield


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    kept = warnings.formatwarning
    # A line of this package's source, which Python would add, helps nobody.
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = kept


def _writes_to(stream, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (AttributeError, OSError, ValueError):
        return False


@contextlib.contextmanager
def _descriptor_2_hidden() -> Iterator[None]:
    """Leaves standard error to Python; the rest shows if something raises."""
    kept = sys.stderr
    kept.flush()
    with (
        open(os.dup(2), "w", 1, kept.encoding, kept.errors) as terminal,
        tempfile.TemporaryFile() as log,
    ):
        os.dup2(log.fileno(), 2)
        sys.stderr = terminal
        # What ends the process from C++ would leave no word else.
        told = faulthandler.is_enabled()
        if not told:
            faulthandler.enable(terminal)
        try:
            yield
        except Exception:
            log.seek(0)
            terminal.write(log.read().decode(errors="replace"))
            raise
        finally:
            if not told:
                faulthandler.disable()
            terminal.flush()
            os.dup2(terminal.fileno(), 2)
            sys.stderr = kept
