#!/usr/bin/env python3
"""Copies the sample pictures of the page, without transparency.

They are of scikit-image, all dedicated to the public domain (CC0), and took no
part in the calibration of the models. Needs the extra `demo`.
"""

from __future__ import annotations

import pathlib
import sys

TOOLS = pathlib.Path(__file__).resolve().parents[1]
SAMPLES = TOOLS / "web" / "build" / "samples"
# tools/ is no package.
sys.path.insert(0, str(TOOLS))

NAMES = ("chelsea", "horse", "camera")


def main() -> int:
    if all((SAMPLES / f"{name}.png").exists() for name in NAMES):
        return 0
    # TensorFlow takes seconds.
    from demo import photo
    from PIL import Image

    SAMPLES.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        Image.fromarray(photo(f"{name}.png")).save(
            SAMPLES / f"{name}.png", optimize=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
