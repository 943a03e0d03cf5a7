"""Where the host build finds and keeps things."""

from __future__ import annotations

import pathlib

ANDROID = pathlib.Path(__file__).resolve().parents[1]
REPOSITORY = ANDROID.parents[1]
# All that is fetched or made for the build, but for Maven's own repository.
BUILD = ANDROID / "build"
FIXTURES = BUILD / "fixtures"
ASSETS = ANDROID / "app" / "src" / "main" / "assets" / "models"
