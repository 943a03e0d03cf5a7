#!/usr/bin/env python3
"""Exports the two models that the Android app and the page bring along.

The embedded CIFAR-10 checkpoint as float32 and as int8, calibrated on photos of
scikit-image. Needs the extra `demo` of keras-mobilevit. A second run with the
same sources and packages has nothing to do.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys

from golden_values import stamps
from golden_values.folders import BUNDLED, TOOLS

RECIPES = ("float32", "int8")
SOURCES = (
    *stamps.LIBRARY,
    (TOOLS, "demo.py"),
    (TOOLS, "export_bundled_models.py"),
)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--copy-to", type=pathlib.Path, metavar="DIR", help="copy them here"
    )
    copies = parser.parse_args(argv).copy_to
    stamps.make(BUNDLED, SOURCES, export)
    if copies:
        copies.mkdir(parents=True, exist_ok=True)
        for path in bundled_files():
            shutil.copy(path, copies)
    return 0


def export(folder: pathlib.Path) -> None:
    # TensorFlow takes seconds.
    import demo

    from keras_mobilevit.cli.quiet import only_our_output

    with only_our_output():
        demo.export_files(folder, {name: name for name in RECIPES})


def bundled_files() -> list[pathlib.Path]:
    """Those that were exported, of which each name ends in its recipe."""
    return sorted(BUNDLED.glob("*.tflite"))


if __name__ == "__main__":
    sys.exit(main())
