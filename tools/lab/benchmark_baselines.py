#!/usr/bin/env python3
"""Measures MobileViT of this and other packages, interleaved, one variant
after the other.

Other packages are installed by pip, each into a virtual environment of its
own below --cache. All weights are random: this is about latency, only.

Example:
    python tools/lab/benchmark_baselines.py --cache build/baselines \
        --json baselines.json
"""

from __future__ import annotations

import argparse
import json
import sys

from baselines import SOURCES, export_all
from baselines.summary import to_summary
from keras_mobilevit.architectures import variants
from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.machine import describe_machine
from keras_mobilevit.tflite import benchmark
from keras_mobilevit.tflite.benchmarks.latency_tables import (
    to_footnote,
    to_json,
    to_table,
)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cache", required=True, metavar="DIR")
    parser.add_argument(
        "--variants", nargs="+", choices=variants(), default=list(variants())
    )
    parser.add_argument(
        "--sources",
        nargs="+",
        choices=SOURCES,
        default=list(SOURCES),
        help="the first that exports is the reference of the speed-ups",
    )
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS")
    parser.add_argument("--runs", type=int, default=200, metavar="N")
    parser.add_argument("--warmup", type=int, default=20, metavar="N")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], metavar="N"
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    args = parser.parse_args(argv)
    try:
        run(args)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    sources = [SOURCES[name] for name in args.sources]
    exports = export_all(
        args.variants, args.cache, sources=sources, size=args.size
    )
    for variant, export in exports.items():
        for name, reason in export.left_out.items():
            print(f"left out of {variant}: {name}, {reason}\n")
    machine = describe_machine()
    reports = {
        variant: benchmark(
            export.files,
            threads=args.threads,
            runs=args.runs,
            warmup=args.warmup,
        )
        for variant, export in exports.items()
    }
    for variant, measurements in reports.items():
        print(f"{variant} at {args.size}x{args.size}, random weights\n")
        print(to_table(measurements))
        print(f"\n{to_footnote(measurements, machine)}\n")
    print(to_summary(reports))
    for source in sources:
        if source.requirements:
            print(f"\n{source.name}: {' '.join(source.requirements)}")
    if args.json:
        tree = {
            "sources": {item.name: item.requirements for item in sources},
            "variants": {
                variant: {
                    **to_json(measurements, machine),
                    "left_out": exports[variant].left_out,
                }
                for variant, measurements in reports.items()
            },
        }
        atomic_write(args.json, json.dumps(tree, indent=2).encode())


if __name__ == "__main__":
    sys.exit(main())
