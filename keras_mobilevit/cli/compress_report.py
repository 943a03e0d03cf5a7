r"""Compares weights before and after compression: size, accuracy and speed.

Each becomes a float32 and an int8 .tflite file. Sizes are those of the files
packed by gzip and zstd, since zeros and repeated weights save nothing else.

Example:
    keras-mobilevit compress report --data cifar10_test.tar \
        --calibration cifar10_train.tar --out DIR --plot compression.png \
        --weights original=weights:cifar10 pruned=p70.weights.h5
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib

HELP = "compare the size, accuracy and speed of weights"


def named(text: str) -> tuple[str, str]:
    """`"pruned=p70.weights.h5"` to name and weights."""
    name, separator, weights = text.partition("=")
    if not (name and separator and weights) or "/" in name:
        raise argparse.ArgumentTypeError(
            f"expected NAME=weights:NAME or NAME=FILE.weights.h5: {text!r}"
        )
    return name, weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", required=True, nargs="+", type=named, metavar="NAME=..."
    )
    parser.add_argument(
        "--data", required=True, metavar="DIR|TAR", help="<class>/<picture>"
    )
    parser.add_argument(
        "--calibration",
        required=True,
        metavar="DIR|TAR",
        help="pictures that set the ranges of int8",
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="for the .tflite files"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="evaluate only N pictures"
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="threads"
    )
    parser.add_argument(
        "--runs", type=int, default=200, metavar="N", help="timed rounds"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write the results there as well"
    )
    parser.add_argument("--plot", metavar="FILE.png", help="accuracy over size")


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.atomic_files import atomic_write
    from keras_mobilevit.compression.compression_report import (
        measure,
        plot_rows,
        report_table,
    )

    pathlib.Path(arguments.out).mkdir(parents=True, exist_ok=True)
    rows = measure(
        dict(arguments.weights),
        arguments.data,
        arguments.calibration,
        arguments.out,
        limit=arguments.limit,
        workers=arguments.workers,
        runs=arguments.runs,
    )
    if arguments.json:
        text = json.dumps([dataclasses.asdict(row) for row in rows])
        atomic_write(arguments.json, f"{text}\n".encode())
    if arguments.plot:
        plot_rows(rows, arguments.plot)
    print(report_table(rows))
    return 0
