"""Programs of this machine: run to their end, or read line by line."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence

# Without an end, one line could fill the memory.
_MAX_LINE = 2**20


class SilenceError(Exception):
    """A program wrote nothing for longer than it may."""


def run_program(
    command: Sequence[str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Runs a program.

    Args:
        command: The program and its arguments.
        timeout: Seconds after which it is ended.

    Returns:
        Its exit status, standard output and standard error.

    Raises:
        OSError: If it can not be started.
        SilenceError: If it did not end in time.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            # Ctrl-C is for this process, which has to clean up with adb, and
            # not for the server that adb starts.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SilenceError from error


class ProgramOutput:
    """Lines of a running program, from both of its outputs.

    A context manager, which ends the program.

    Attributes:
        returncode: Exit status, once all lines are read.
    """

    def __init__(
        self,
        command: Sequence[str],
        silence: float,
        environment: Mapping[str, str] | None = None,
    ):
        """Starts a program.

        Args:
            command: The program and its arguments.
            silence: Seconds that it may be silent.
            environment: Variables to set beside those of this process.

        Raises:
            OSError: If it can not be started.
        """
        self.returncode: int | None = None
        self._silence = silence
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> ProgramOutput:
        return self

    def __exit__(self, *error: object) -> None:
        # Not yet waited for, its number can not be another's.
        if os.name == "posix" and self._process.returncode is None:
            # With its children: the session is its own.
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        # A child outside of its session may hold the pipe open.
        self._reader.join(1.0)

    def __iter__(self) -> Iterator[str]:
        """Yields lines as they come, without their ends.

        Raises:
            SilenceError: If none came for too long.
        """
        while (line := self._next()) is not None:
            yield line.rstrip("\r\n")
        try:
            self.returncode = self._process.wait(self._silence)
        except subprocess.TimeoutExpired as error:
            raise SilenceError from error

    def _next(self):
        try:
            return self._lines.get(timeout=self._silence)
        except queue.Empty as error:
            raise SilenceError from error

    def _read(self):
        with self._process.stdout as output:
            while line := output.readline(_MAX_LINE):
                self._lines.put(line)
        self._lines.put(None)
