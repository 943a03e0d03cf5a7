"""Long commands of others: logged in full, failing with one line."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Mapping, Sequence

TIMEOUT_S = 3600


class CommandError(RuntimeError):
    """A command that can not be started, fails, or does not end."""


def run_logged(
    command: Sequence[str | os.PathLike],
    log: pathlib.Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Runs a command and keeps what it says.

    Args:
        command: Program and arguments.
        log: File for both output streams.
        environment: Variables to set over those of this process.

    Raises:
        CommandError: If it can not be started, fails, or takes longer than
            an hour; the message is the line that most likely says why, and
            where the log is.
    """
    try:
        with log.open("w") as stream:
            code = subprocess.run(
                command,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
            ).returncode
    except subprocess.TimeoutExpired as error:
        raise CommandError(
            f"took more than {TIMEOUT_S} s (see {log})"
        ) from error
    except OSError as error:
        raise CommandError(str(error)) from error
    if code:
        raise CommandError(f"{_reason(log, code)} (see {log})")


def _reason(log, code):
    """The last error that pip names, or the end of a traceback."""
    lines = [line for line in log.read_text(errors="replace").splitlines()]
    lines = [line.strip() for line in lines if line.strip()]
    if code < 0 or not lines:
        return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    named = [line for line in lines if line.startswith("ERROR:")]
    return (named or lines)[-1]
