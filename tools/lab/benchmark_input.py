#!/usr/bin/env python3
"""Measures the training input against the number of worker processes.

Generated pictures: JPEG files of the size of ImageNet's, and arrays of that of
CIFAR-10's, with the augmentation of their recipes. Nothing trains meanwhile.

Example:
    python tools/lab/benchmark_input.py --workers 0 1 2 --json input.json
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tempfile

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.machine import describe_machine, usable_cores
from keras_mobilevit.training.recipe import load_recipe
from training_benchmarks.figures import to_json
from training_benchmarks.input_comparison import compare_inputs
from training_benchmarks.input_pictures import make_arrays, write_photos
from training_benchmarks.input_tables import to_footnote, to_table

PICTURES = ("photos", "arrays")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--pictures", nargs="+", choices=PICTURES, default=list(PICTURES)
    )
    parser.add_argument(
        "--workers",
        nargs="+",
        type=int,
        default=worker_counts(usable_cores()),
        metavar="N",
        help="processes; 0 for threads (default: 0 and powers of 2 up to the "
        "cores)",
    )
    parser.add_argument("--count", type=int, default=1000, metavar="PICTURES")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N")
    parser.add_argument("--batches", type=int, default=16, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    return parser


def worker_counts(cores: int) -> list[int]:
    """0, the powers of 2 up to the number of cores, and that number."""
    powers = {2**power for power in range(cores.bit_length())}
    return sorted({0, cores, *powers})


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            run(args, pathlib.Path(folder))
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace, folder: pathlib.Path) -> None:
    # Before the benchmark is itself the load.
    machine = describe_machine(packages=("grain", "numpy", "pillow"))
    comparisons = []
    for pictures in args.pictures:
        if pictures == "photos":
            recipe, source = "imagenet", write_photos(folder, args.count)
        else:
            recipe, source = "cifar10", make_arrays(args.count)
        comparison = compare_inputs(
            pictures,
            source,
            load_recipe(recipe),
            workers=args.workers,
            rounds=args.rounds,
            batches=args.batches,
            batch_size=args.batch_size,
        )
        comparisons.append(comparison)
        print(f"{pictures}\n\n{to_table(comparison)}")
        print(f"\n{to_footnote(comparison, machine)}\n", flush=True)
        if args.json:
            tree = to_json(comparisons, machine)
            atomic_write(args.json, json.dumps(tree, indent=2).encode())


if __name__ == "__main__":
    sys.exit(main())
