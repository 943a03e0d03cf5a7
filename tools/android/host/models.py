"""Models and golden values, made anew when their sources change."""

from __future__ import annotations

import hashlib
import pathlib
import sys

from host.folders import ANDROID, ASSETS, BUILD, FIXTURES, REPOSITORY
from host.steps import command

_EXPORT = ANDROID / "export_models.py"
_APP = ANDROID / "app" / "fixtures.py"
_CORE = ANDROID / "core" / "goldens.py"


def make_models() -> None:
    """Exports models and lets Python answer for them, unless it has already.

    Raises:
        BuildError: If a script fails.
    """
    # It knows itself whether its values are up to date.
    _run(_CORE, FIXTURES)
    stamp, wanted = BUILD / "fixtures.stamp", _hash()
    if stamp.exists() and stamp.read_text() == wanted and _have_models():
        return
    stamp.unlink(missing_ok=True)
    _run(_EXPORT, "--out", ASSETS)
    _run(_APP, FIXTURES)
    stamp.write_text(wanted)


def _run(script: pathlib.Path, *arguments) -> None:
    FIXTURES.mkdir(parents=True, exist_ok=True)
    command(
        [sys.executable, script, *arguments],
        "It needs the extras `dev` and `demo`: run `make android-test`.",
        environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
    )


def _have_models() -> bool:
    return any(ASSETS.glob("*.tflite")) and any(FIXTURES.glob("engine/*"))


def _hash() -> str:
    """Of all that goes into the models."""
    package = REPOSITORY / "keras_mobilevit"
    sources: list[pathlib.Path] = [
        *sorted(package.rglob("*.py")),
        *sorted((package / "checkpoints" / "embedded").iterdir()),
        REPOSITORY / "tools" / "demo.py",
        _EXPORT,
        _APP,
    ]
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()
