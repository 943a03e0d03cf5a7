"""Measures .tflite files against the first of them, in turn, in one process.

Example:
    keras-mobilevit benchmark float32.tflite int8.tflite --json result.json
"""

from __future__ import annotations

import argparse
import json

HELP = "measure the speed of .tflite files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
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


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.atomic_files import atomic_write
    from keras_mobilevit.machine import describe_machine
    from keras_mobilevit.tflite import benchmark
    from keras_mobilevit.tflite.benchmarks.latency_tables import (
        to_footnote,
        to_json,
        to_table,
    )

    # Before the benchmark is itself the load.
    machine = describe_machine()
    measurements = benchmark(
        {path: path for path in arguments.files},
        threads=arguments.threads,
        runs=arguments.runs,
        warmup=arguments.warmup,
    )
    print(to_table(measurements))
    print("\n" + to_footnote(measurements, machine))
    if arguments.json:
        text = json.dumps(to_json(measurements, machine), indent=2)
        atomic_write(arguments.json, text.encode())
    return 0
