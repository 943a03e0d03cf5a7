"""Running the programs of the machine, with errors that say what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence


def require_programs(*names: str) -> None:
    """Checks that programs are on the machine.

    Raises:
        FileNotFoundError: If one is not; the message says what needs it.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise FileNotFoundError(
            "The emulated Arm64 machine is unpacked from Debian packages "
            "with apt-get and dpkg-deb; gcc and pkg-config build the emulator "
            f"that counts instructions. Missing here: {', '.join(missing)}. "
            "Run this on Debian, or in a container of it."
        )


def run(
    command: Sequence[str | os.PathLike],
    folder: str | os.PathLike | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Runs a command to its end and returns what it prints.

    Args:
        command: Program and arguments.
        folder: Where to run it.
        variables: Set beside those of this process.

    Raises:
        RuntimeError: If it fails, with the last lines of what it said.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C", **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise RuntimeError(
            f"`{' '.join(map(str, command))}` ended with "
            f"{done.returncode}: {' '.join(said[-3:])}"
        )
    return done.stdout
