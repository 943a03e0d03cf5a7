"""Virtual environments for what does not go together with this one."""

from __future__ import annotations

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence

from logged_commands import CommandError, run_logged


def python_with(
    requirements: Sequence[str],
    cache: str | os.PathLike,
    name: str,
    python: str | os.PathLike = sys.executable,
) -> list[str]:
    """Returns the command of a Python that has some packages, and no others.

    The first call installs them. pip takes its own settings: on a machine
    without a GPU, `PIP_EXTRA_INDEX_URL` can name PyTorch's index of wheels
    for the CPU, which are gigabytes smaller.

    Args:
        requirements: What pip must install; with none, it is this Python.
        cache: Folder to keep the environment in, below a name that the
            requirements decide.
        name: First part of that name.
        python: The Python to begin with.

    Raises:
        CommandError: If they can not be installed.
    """
    if not requirements:
        return [sys.executable]
    cache = pathlib.Path(cache).absolute()
    cache.mkdir(parents=True, exist_ok=True)
    facts = repr((python_version(python), tuple(requirements)))
    digest = hashlib.sha256(facts.encode()).hexdigest()[:8]
    venv = cache / f"venv-{name}-{digest}"
    inner = venv / "bin" / "python"
    # Written last: an installation that was interrupted begins anew.
    complete = venv / "installed.txt"
    if not complete.is_file():
        shutil.rmtree(venv, ignore_errors=True)
        log = cache / f"venv-{name}.log"
        run_logged([python, "-m", "venv", venv], log)
        run_logged([inner, "-m", "pip", "install", *requirements], log)
        run_logged([inner, "-m", "pip", "freeze"], log)
        log.replace(complete)
    # Without the variables and user folders by which ours could enter.
    return [str(inner), "-E", "-s"]


def python_version(python: str | os.PathLike = sys.executable) -> str:
    """Version of a Python, such as `"3.11.7"`.

    Raises:
        CommandError: If it can not be started.
    """
    if python == sys.executable:
        return platform.python_version()
    command = [python, "-c", "import platform as p; print(p.python_version())"]
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CommandError(f"{python} is no Python ({error})") from error
    return done.stdout.strip()


def user_cache(name: str) -> pathlib.Path:
    """A folder of this package in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "keras_mobilevit" / name
