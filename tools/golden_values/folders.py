"""Where golden values and the models beside them are kept."""

from __future__ import annotations

import pathlib

TOOLS = pathlib.Path(__file__).resolve().parents[1]
REPOSITORY = TOOLS.parent
BUILD = TOOLS / "golden_values" / "build"
# What `make_golden_values.py` writes, for the app's core and the page's.
VALUES = BUILD / "values"
# The two files that the app and the page bring along.
BUNDLED = BUILD / "bundled"
# Models of a few layers, and the files of version 0.1, are those of the tests.
TEST_MODELS = REPOSITORY / "tests" / "tflite"
