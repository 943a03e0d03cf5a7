#!/usr/bin/env python3
"""Golden values: what Python, Pillow and NumPy say of models and pictures.

The cores of the Android app and of the page are tested against them. A second
run with the same sources and packages has nothing to do.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
from importlib import metadata

from golden_values import stamps
from golden_values.folders import REPOSITORY, TEST_MODELS, TOOLS, VALUES

SCHEMA = (
    REPOSITORY
    / "keras_mobilevit"
    / "tflite"
    / "benchmarks"
    / "benchmark_results.schema.json"
)
SOURCES = (
    *stamps.LIBRARY,
    (TOOLS, "make_golden_values.py"),
    (TOOLS / "golden_values", "*.py"),
    (TEST_MODELS, "*.py"),
    (TEST_MODELS / "files", "*.tflite"),
)
# The first that chooses which of both sides it resizes first.
OLDEST_PILLOW = 13


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args(argv)
    pillow = metadata.version("pillow")
    if int(pillow.split(".")[0]) < OLDEST_PILLOW:
        parser.error(
            f"Expected Pillow {OLDEST_PILLOW} or newer, whose pixels the tests "
            f"want: `pip install -U pillow`. Received: {pillow}"
        )
    stamps.make(VALUES, SOURCES, write_all)
    return 0


def write_all(folder: pathlib.Path) -> None:
    # Not before it is known that they are needed: TensorFlow takes seconds.
    from golden_values import (
        descriptions,
        inputs,
        models,
        outputs,
        picture_files,
        pictures,
        self_tests,
        statistics,
    )

    from keras_mobilevit.cli.quiet import only_our_output

    with only_our_output():
        pictures.write(folder)
        picture_files.write(folder)
        inputs.write(folder)
        outputs.write(folder)
        self_tests.write(folder)
        statistics.write(folder)
        descriptions.write(folder)
        models.write(folder, TEST_MODELS)
    shutil.copy(SCHEMA, folder)


if __name__ == "__main__":
    sys.exit(main())
