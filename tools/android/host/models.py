"""Models and golden values, made anew when the package's sources change."""

from __future__ import annotations

import hashlib
import pathlib
import sys

from host.folders import ANDROID, ASSETS, BUILD, FIXTURES, REPOSITORY
from host.steps import command

_SCRIPTS = (
    (ANDROID / "export_models.py", ASSETS),
    (ANDROID / "app" / "fixtures.py", FIXTURES),
    (ANDROID / "core" / "goldens.py", FIXTURES),
)


def make_models() -> None:
    """Exports models and lets Python answer for them, unless it has already.

    Raises:
        BuildError: If a script fails.
    """
    stamp, wanted = BUILD / "fixtures.stamp", _hash()
    if stamp.exists() and stamp.read_text() == wanted and _have_models():
        return
    stamp.unlink(missing_ok=True)
    for script, target in _SCRIPTS:
        target.mkdir(parents=True, exist_ok=True)
        arguments = ["--out", target] if target == ASSETS else [target]
        command(
            [sys.executable, script, *arguments],
            "It needs the extras `dev` and `demo`: run `make android-test`.",
            environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
        )
    stamp.write_text(wanted)


def _have_models() -> bool:
    return any(ASSETS.glob("*.tflite")) and any(FIXTURES.iterdir())


def _hash() -> str:
    """Of all that goes into the models."""
    package = REPOSITORY / "keras_mobilevit"
    sources: list[pathlib.Path] = [
        *sorted(package.rglob("*.py")),
        *sorted((package / "checkpoints" / "embedded").iterdir()),
        REPOSITORY / "tools" / "demo.py",
        *(script for script, _ in _SCRIPTS),
    ]
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()
