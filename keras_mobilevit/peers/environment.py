"""A virtual environment for each peer."""

from __future__ import annotations

import hashlib
import pathlib
import platform
import shutil
import sys

from keras_mobilevit.peers.processes import run_logged
from keras_mobilevit.peers.registry import Source


def python_for(source: Source, cache: pathlib.Path) -> list[str]:
    """Returns the command of the Python that has what a source needs.

    The first call installs it. pip takes its own settings: on a machine
    without a GPU, `PIP_EXTRA_INDEX_URL` can name PyTorch's index of wheels
    for the CPU, which are gigabytes smaller.

    Args:
        source: From `keras_mobilevit.peers.SOURCES`.
        cache: Folder to keep the environment in, below a name that its
            requirements decide.

    Raises:
        PeerError: If it can not be installed.
    """
    if not source.requirements:
        return [sys.executable]
    facts = repr((platform.python_version(), source.requirements))
    digest = hashlib.sha256(facts.encode()).hexdigest()[:8]
    venv = cache / f"venv-{source.name}-{digest}"
    python = venv / "bin" / "python"
    # Written last: an installation that was interrupted begins anew.
    complete = venv / "installed.txt"
    if not complete.is_file():
        shutil.rmtree(venv, ignore_errors=True)
        log = cache / f"venv-{source.name}.log"
        run_logged([sys.executable, "-m", "venv", venv], log)
        run_logged([python, "-m", "pip", "install", *source.requirements], log)
        run_logged([python, "-m", "pip", "freeze"], log)
        log.replace(complete)
    # Without the variables and user folders by which ours could enter.
    return [str(python), "-E", "-s"]
