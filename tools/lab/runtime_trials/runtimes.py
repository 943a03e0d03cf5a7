"""Other releases of the runtimes, each in an environment of its own."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import re
import sys

from keras_mobilevit.tflite.interpreters import (
    LITERT,
    RUNTIMES,
    TFLITE_RUNTIME,
)
from keras_mobilevit.tflite.op_versions import parse_version
from virtual_environments import python_version, python_with

_REQUIREMENT = re.compile(rf"({'|'.join(RUNTIMES)})==(\d+(?:\.\d+)*)")
# The first LiteRT that works with NumPy 2.
_FIRST_WITH_NUMPY_2 = (1, 2)
# The last tflite-runtime has wheels for these and for Linux alone.
_LAST = f"{TFLITE_RUNTIME}==2.14.0"
_OLDEST_PYTHON, _NEWEST_PYTHON = "3.9", "3.11"


@dataclasses.dataclass(frozen=True)
class Runtime:
    """A release of a runtime, and how to start it.

    Attributes:
        name: As pip writes it, such as `"tflite-runtime==2.14.0"`.
        python: Command of the Python that has it.
    """

    name: str
    python: tuple[str, ...]

    @property
    def module(self) -> str:
        """The module that has its `Interpreter`."""
        package = self.name.partition("==")[0]
        return f"{package.replace('-', '_')}.interpreter"


def own_runtime() -> Runtime:
    """The LiteRT of this Python."""
    version = importlib.metadata.version(LITERT)
    return Runtime(f"{LITERT}=={version}", (sys.executable,))


def install_runtime(
    requirement: str,
    cache: str | os.PathLike,
    python: str | os.PathLike = sys.executable,
) -> Runtime:
    """Installs a release of a runtime beside this Python's packages.

    Args:
        requirement: Such as `"tflite-runtime==2.14.0"` or
            `"ai-edge-litert==1.4.0"`.
        cache: Folder to keep its environment in. The first call for a
            release installs it there, with pip and its settings.
        python: The Python to install it for.

    Raises:
        ValueError: If it is no release of a runtime, or has no wheel for the
            Python.
        logged_commands.CommandError: If it can not be installed.
    """
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        raise ValueError(
            f"Expected a release of {' or '.join(RUNTIMES)}, such as "
            f"{_LAST}. Received: {requirement!r}"
        )
    if requirement == _LAST:
        _check_last(python)
    package, version = match.groups()
    requirements = [requirement]
    is_old = parse_version(version) < _FIRST_WITH_NUMPY_2
    if package == TFLITE_RUNTIME or is_old:
        requirements.append("numpy<2")
    command = python_with(requirements, cache, package, python)
    return Runtime(requirement, tuple(command))


def _check_last(python):
    version = python_version(python)
    oldest, newest, own = (
        parse_version(text)[:2]
        for text in (_OLDEST_PYTHON, _NEWEST_PYTHON, version)
    )
    if not oldest <= own <= newest or not sys.platform.startswith("linux"):
        raise ValueError(
            f"{_LAST} has wheels for Linux with Python {_OLDEST_PYTHON} to "
            f"{_NEWEST_PYTHON}: name such a Python (`--python python3.11`). "
            f"Received: Python {version} on {sys.platform}"
        )
