"""The training recipes that come with the package, one TOML file each."""

from __future__ import annotations

import pathlib

FOLDER = pathlib.Path(__file__).parent


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
