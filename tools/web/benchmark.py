#!/usr/bin/env python3
"""The page beside Python: milliseconds, ratio and equality, as a table.

Python and the page of a headless Chromium measure the two files of the page in
turns, from the values of the input to those of the output, each on one thread.
Needs `make web`, and Chromium.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from importlib import metadata

import numpy as np

WEB = pathlib.Path(__file__).resolve().parent
# tools/ is no package.
sys.path.insert(0, str(WEB.parent))

from golden_values.folders import BUNDLED  # noqa: E402

from keras_mobilevit.markdown_tables import markdown_table  # noqa: E402
from keras_mobilevit.tflite.interpreters import (  # noqa: E402
    make_interpreter,
)

RECIPES = ("float32", "int8")
WARMUP = 20
RUNS = 300


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    rounds = parser.parse_args(argv).rounds
    python = {recipe: [] for recipe in RECIPES}
    browser = {recipe: [] for recipe in RECIPES}
    for _ in range(rounds):
        for recipe in RECIPES:
            python[recipe].append(python_median(recipe))
        page = measure_page()
        for recipe in RECIPES:
            browser[recipe].append(page["medians"][recipe])
    rows = []
    for recipe in RECIPES:
        here = statistics.median(python[recipe])
        there = statistics.median(browser[recipe])
        rows.append(
            (
                recipe,
                f"{here:.2f}",
                f"{there:.2f}",
                f"{there / here:.1f}",
                page["verdicts"][recipe],
            )
        )
    columns = ("file", "Python, ms", "browser, ms", "ratio", "self-test")
    print(markdown_table(columns, rows))
    speedups = [
        statistics.median(times["float32"]) / statistics.median(times["int8"])
        for times in (python, browser)
    ]
    print(
        f"\nMedians of {rounds} interleaved rounds, {platform.machine()}, "
        f"1 thread; LiteRT {metadata.version('ai-edge-litert')} beside "
        f"{page['ran']}. int8 is {speedups[0]:.1f} times as fast as float32 in "
        f"Python, {speedups[1]:.1f} times in the browser."
    )
    return 0


def python_median(recipe: str) -> float:
    interpreter = make_interpreter(
        BUNDLED / f"mobilevit_xxs_cifar10_{recipe}.tflite"
    )
    (source,) = interpreter.get_input_details()
    (target,) = interpreter.get_output_details()
    values = np.random.default_rng(0).uniform(0, 255, source["shape"])
    values = values.astype(source["dtype"])
    samples = []
    for _ in range(WARMUP + RUNS):
        begun = time.perf_counter()
        interpreter.set_tensor(source["index"], values)
        interpreter.invoke()
        interpreter.get_tensor(target["index"])
        samples.append(1000 * (time.perf_counter() - begun))
    return statistics.median(samples[WARMUP:])


def measure_page() -> dict:
    output = subprocess.run(
        ["node", "measure_page.mjs"],
        cwd=WEB,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return json.loads(output)


if __name__ == "__main__":
    sys.exit(main())
