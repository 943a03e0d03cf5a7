#!/usr/bin/env python3
"""Compares Keras models and .tflite files on a folder of pictures.

Labels and preprocessing come from the models themselves. Without labels, as
of a folder of pictures in no class folders, only agreement and SQNR are told.

Examples:
    python tools/evaluate.py cifar10_test.tar \
        --model weights:cifar10 float32.tflite int8.tflite --workers 2
    python tools/evaluate.py imagenet/val --labels folders \
        --model weights:imagenet:mobilevit_s int8.tflite --json result.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys

from keras_mobilevit.files import atomic_write
from keras_mobilevit.tables import markdown_table
from keras_mobilevit.tflite import Evaluation, Inspection, evaluate, inspect
from keras_mobilevit.tflite.evaluation.candidates import (
    common_settings,
    open_candidate,
    read_labels,
)

HEADER = (
    "model",
    "top-1 %",
    "top-5 %",
    "ECE %",
    "Δ top-1",
    "agreement %",
    "SQNR dB",
    "bytes",
    "delegated",
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", metavar="DIR|TAR", help="<class>/<picture>")
    parser.add_argument(
        "--model",
        required=True,
        nargs="+",
        metavar="weights:NAME[:VARIANT]|FILE",
        help="what to compare (.weights.h5, .keras or .tflite files); the "
        "first is the reference",
    )
    parser.add_argument(
        "--labels",
        metavar="NAME|FILE|folders|none",
        help="class names: those of weights, one a line of a file, or the "
        "sorted names of the folders (default: those of the models)",
    )
    parser.add_argument(
        "--crop-fraction",
        type=float,
        metavar="SHARE",
        help="part of a picture's side to keep (default: as the models say)",
    )
    parser.add_argument(
        "--native-size",
        type=int,
        metavar="PIXELS",
        help="side to reduce pictures to first, 0 for none (default: as the "
        "models say)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="evaluate only N pictures"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="threads for pictures and .tflite files (default: 1)",
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write the results there as well"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        run(args)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    candidates = {name: open_candidate(name) for name in args.model}
    settings = common_settings(
        candidates,
        labels=read_labels(args.labels, args.data) if args.labels else None,
        crop_fraction=args.crop_fraction,
        native_size=args.native_size,
    )
    results = evaluate(
        {name: candidate.model for name, candidate in candidates.items()},
        args.data,
        **settings._asdict(),
        limit=args.limit,
        workers=args.workers,
    )
    files = {
        name: inspect(name) for name in results if name.endswith(".tflite")
    }
    (first, *_) = results
    rows = [
        row(name, result, files.get(name), is_first=name == first)
        for name, result in results.items()
    ]
    print(markdown_table(HEADER, rows))
    print(f"\n{results[first].images:,} images; in brackets 95 % intervals")
    skipped = results[first].skipped
    if skipped:
        listed = ", ".join(skipped[:5]) + (", ..." if skipped[5:] else "")
        print(f"{len(skipped):,} pictures could not be read: {listed}")
    if args.json:
        report = {
            "data": args.data,
            "crop_fraction": settings.crop_fraction,
            "native_size": settings.native_size,
            "models": {
                name: record(result, files.get(name))
                for name, result in results.items()
            },
        }
        text = json.dumps(report, indent=2, allow_nan=False)
        atomic_write(args.json, f"{text}\n".encode())


def row(
    name: str, result: Evaluation, file: Inspection | None, is_first: bool
) -> tuple[str, ...]:
    """Cells under `HEADER`."""
    against_first = (
        percent(result.difference, result.difference_interval, sign="+"),
        percent(result.agreement),
        f"{result.sqnr:.1f}",
    )
    return (
        name,
        percent(result.top1, result.top1_interval),
        percent(result.top5),
        percent(result.calibration_error),
        *(("-", "-", "-") if is_first else against_first),
        f"{file.size:,}" if file else "",
        f"{file.delegated}/{file.nodes} in {file.partitions}" if file else "",
    )


def record(result: Evaluation, file: Inspection | None) -> dict:
    """What JSON can hold; it has no infinity, which becomes null."""
    facts = dataclasses.asdict(result)
    if file:
        facts |= {
            "bytes": file.size,
            "nodes": file.nodes,
            "delegated": file.delegated,
            "partitions": file.partitions,
        }
    return {
        name: None if isinstance(fact, float) and math.isinf(fact) else fact
        for name, fact in facts.items()
    }


def percent(
    share: float | None,
    interval: tuple[float, float] | None = None,
    sign: str = "",
) -> str:
    """`"84.21 [83.48, 84.91]"`; `"-"` for what is unknown."""
    if share is None:
        return "-"
    text = f"{100 * share:{sign}.2f}"
    if interval:
        low, high = (f"{100 * end:{sign}.2f}" for end in interval)
        text += f" [{low}, {high}]"
    return text


if __name__ == "__main__":
    sys.exit(main())
