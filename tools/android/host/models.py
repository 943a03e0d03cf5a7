"""Models and golden values, made anew when their sources change."""

from __future__ import annotations

import pathlib
import sys

from host.folders import ANDROID, ASSETS, FIXTURES, REPOSITORY
from host.steps import command

_TOOLS = REPOSITORY / "tools"
_GOLDEN_VALUES = _TOOLS / "make_golden_values.py"
_BUNDLED = _TOOLS / "export_bundled_models.py"
_APP = ANDROID / "app" / "fixtures.py"


def make_models() -> None:
    """Exports models and lets Python answer for them, unless it has already.

    Each script knows itself whether what it writes is up to date.

    Raises:
        BuildError: If a script fails.
    """
    _run(_GOLDEN_VALUES)
    _run(_BUNDLED, "--copy-to", ASSETS)
    _run(_APP, FIXTURES)


def _run(script: pathlib.Path, *arguments) -> None:
    command(
        [sys.executable, script, *arguments],
        "It needs the extras `dev` and `demo`: run `make android-test`.",
        environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
