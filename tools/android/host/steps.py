"""Steps of the host build: what failed, and commands with their time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time


class BuildError(Exception):
    """A step failed; the message says what to do about it."""


@contextlib.contextmanager
def step(name: str):
    """Says what is done, and how long it took."""
    print(f"--- {name}", flush=True)
    begun = time.monotonic()
    yield
    print(f"--- {name}: {time.monotonic() - begun:.0f} s", flush=True)


def command(arguments, advice: str, cwd=None, environment=None) -> None:
    """Runs a command, whose output is seen.

    Args:
        arguments: The program and its arguments.
        advice: What to do if it fails.
        cwd: Folder to run it in.
        environment: Variables to set where they are not set yet.

    Raises:
        BuildError: If it fails, with `advice`.
    """
    try:
        subprocess.run(
            [str(a) for a in arguments],
            check=True,
            cwd=cwd,
            env={**(environment or {}), **os.environ},
        )
    except subprocess.CalledProcessError as error:
        raise BuildError(
            f"{arguments[0]} failed with exit status {error.returncode}. "
            + advice
        ) from error


def output(arguments, advice: str, cwd=None) -> str:
    """Standard output of a command; its standard error if it fails.

    Raises:
        BuildError: If it fails or is missing, with `advice`.
    """
    try:
        return subprocess.run(
            [str(a) for a in arguments],
            check=True,
            cwd=cwd,
            capture_output=True,
            text=True,
        ).stdout
    except FileNotFoundError as error:
        raise BuildError(f"{arguments[0]} is missing. {advice}") from error
    except subprocess.CalledProcessError as error:
        raise BuildError(
            f"{arguments[0]} failed. {advice}\n{error.stderr}"
        ) from error
