#!/usr/bin/env python3
"""Exports the two models that the app bundles, into its assets.

The embedded CIFAR-10 checkpoint as float32 and as int8, calibrated on photos of
scikit-image. Needs the extra `demo` of keras-mobilevit.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile

TOOLS = pathlib.Path(__file__).resolve().parents[1]
ASSETS = TOOLS / "android" / "app" / "src" / "main" / "assets" / "models"
# tools/ is no package.
sys.path.insert(0, str(TOOLS))

import demo  # noqa: E402

from keras_mobilevit.cli.quiet import only_our_output  # noqa: E402

BUNDLED = ("float32", "int8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=pathlib.Path, default=ASSETS, metavar="DIR"
    )
    out = parser.parse_args(argv).out
    out.mkdir(parents=True, exist_ok=True)
    # An interrupted export leaves nothing that a build would take for models.
    with only_our_output(), tempfile.TemporaryDirectory(dir=out) as folder:
        for path in demo.export_files(
            pathlib.Path(folder), {name: name for name in BUNDLED}
        ):
            path.replace(out / path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
