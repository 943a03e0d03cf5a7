#!/usr/bin/env python3
"""Measures .tflite files against the first of them, in turn, in one process.

Example:
    python tools/benchmark.py float32.tflite int8.tflite --json result.json
"""

from __future__ import annotations

import argparse
import json
import sys

from keras_mobilevit.files import atomic_write
from keras_mobilevit.machine import describe_machine
from keras_mobilevit.tflite import benchmark
from keras_mobilevit.tflite.benchmarks.tables import (
    to_footnote,
    to_json,
    to_table,
)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE.tflite")
    parser.add_argument("--runs", type=int, default=200, metavar="N")
    parser.add_argument("--warmup", type=int, default=20, metavar="N")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], metavar="N"
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write all figures, named as in TensorFlow's "
        "benchmark_result.proto",
    )
    args = parser.parse_args(argv)
    try:
        # Before the benchmark is itself the load.
        machine = describe_machine()
        measurements = benchmark(
            {path: path for path in args.files},
            threads=args.threads,
            runs=args.runs,
            warmup=args.warmup,
        )
        print(to_table(measurements))
        print("\n" + to_footnote(measurements, machine))
        if args.json:
            text = json.dumps(to_json(measurements, machine), indent=2)
            atomic_write(args.json, text.encode())
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
