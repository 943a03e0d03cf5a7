#!/usr/bin/env python3
"""Golden values for the tests of `core`: what Python, Pillow and NumPy say.

Writes `DIR/core/`. A second run with the same sources and packages has nothing
to do.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import shutil
import sys
from importlib import metadata

CORE = pathlib.Path(__file__).resolve().parent
REPOSITORY = CORE.parents[2]
# Models of a few layers, and the files of version 0.1, are those of the tests.
TEST_MODELS = REPOSITORY / "tests" / "tflite"
SOURCES = (
    (CORE, "*.py"),
    (CORE / "golden_values", "*.py"),
    (REPOSITORY / "keras_mobilevit", "**/*.py"),
    (REPOSITORY / "keras_mobilevit", "**/*.h5"),
    (REPOSITORY / "keras_mobilevit", "**/*.json"),
    (TEST_MODELS, "*.py"),
    (TEST_MODELS / "files", "*.tflite"),
)
PACKAGES = ("ai-edge-litert", "keras", "numpy", "pillow", "tensorflow")


# The first that chooses which of both sides it resizes first.
OLDEST_PILLOW = 13


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, metavar="DIR")
    folder = parser.parse_args(argv).folder / "core"
    pillow = metadata.version("pillow")
    if int(pillow.split(".")[0]) < OLDEST_PILLOW:
        parser.error(
            f"Expected Pillow {OLDEST_PILLOW} or newer, whose pixels the tests "
            f"want: `pip install -U pillow`. Received: {pillow}"
        )
    stamp, current = folder / "stamp", hash_sources()
    if stamp.is_file() and stamp.read_text() == current:
        return 0
    new = folder.with_name("core.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    write_all(new)
    (new / "stamp").write_text(current)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return 0


def hash_sources() -> str:
    """Changes with anything that the golden values are made of."""
    digest = hashlib.sha256()
    for name in PACKAGES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for folder, pattern in SOURCES:
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(REPOSITORY).as_posix()
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()


def write_all(folder: pathlib.Path) -> None:
    # Not before it is known that they are needed: TensorFlow takes seconds.
    from golden_values import (
        descriptions,
        inputs,
        models,
        outputs,
        pictures,
        self_tests,
        statistics,
    )

    from keras_mobilevit.cli.quiet import only_our_output

    with only_our_output():
        pictures.write(folder)
        inputs.write(folder)
        outputs.write(folder)
        self_tests.write(folder)
        statistics.write(folder)
        descriptions.write(folder)
        models.write(folder, TEST_MODELS)
    schema = "keras_mobilevit/tflite/benchmarks/benchmark_results.schema.json"
    shutil.copy(REPOSITORY / schema, folder)


if __name__ == "__main__":
    sys.exit(main())
