"""Keeps what libraries print away from what a command prints."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

from keras_mobilevit.import_hooks import import_within


@contextlib.contextmanager
def only_our_output() -> Iterator[None]:
    """Silences TensorFlow's log, and prints warnings in one line each."""
    # Errors that matter reach Python as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        import_within("tensorflow", _silent)
    kept = warnings.formatwarning
    # A line of this package's source, which Python would add, helps nobody.
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = kept


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Swallows what is written to file descriptor 2, unless something raises.

    While it is imported, TensorFlow 2.21 logs in C++ before it looks at
    `TF_CPP_MIN_LOG_LEVEL`.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(terminal, log.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
