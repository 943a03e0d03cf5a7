#!/usr/bin/env python3
"""Measures how large data sets open: shards, tars and folders of tiny images.

They are generated, and stay in DIR. A folder of 1.3 million files takes 6 GB of
blocks and as many inodes.

Example:
    python tools/lab/benchmark_sources.py --out build/sources \
        --images 1300000 --kinds shards tars folder --json sources.json
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import time

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.machine import describe_machine
from keras_mobilevit.progress import progress_lines
from source_benchmarks.generated_images import KINDS, generate
from source_benchmarks.openings import measure, to_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=pathlib.Path, required=True, metavar="DIR"
    )
    parser.add_argument("--images", type=int, default=1_300_000, metavar="N")
    parser.add_argument("--classes", type=int, default=1000, metavar="N")
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=["shards", "tars"]
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument(
        "--reads", type=int, default=10_000, metavar="N", help="images to read"
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        with progress_lines():
            run(args)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    paths = {}
    for kind in args.kinds:
        start = time.perf_counter()
        paths[kind] = generate(kind, args.out, args.images, args.classes)
        print(f"{kind}: {time.perf_counter() - start:.0f} s to write")
    machine = describe_machine(packages=("numpy", "pillow"))
    results = measure(paths, rounds=args.rounds, reads=args.reads)
    print(f"\n{to_table(results, args.reads)}\n")
    load = machine["load_average"]
    print(
        f"medians of times and maxima of memory, {args.rounds} rounds; "
        f"{machine['cpu']}, {machine['cores']} cores, load "
        f"{'unknown' if load is None else f'{load:.1f}'}"
    )
    if args.json:
        tree = {"machine": machine, "reads": args.reads, "results": results}
        atomic_write(args.json, json.dumps(tree, indent=2).encode())


if __name__ == "__main__":
    sys.exit(main())
