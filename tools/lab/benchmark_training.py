#!/usr/bin/env python3
"""Measures a training step of MobileViT: ours on each backend, and others.

One step of each in turn, on the processor, in processes of their own. What is
not installed is left out.

Example:
    python tools/lab/benchmark_training.py --variants mobilevit_xxs \
        --rounds 20 --json training.json
"""

from __future__ import annotations

import argparse
import json
import sys

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.configs import VARIANTS
from keras_mobilevit.machine import describe_machine, usable_cores
from training_benchmarks.implementations import IMPLEMENTATIONS
from training_benchmarks.step_comparison import compare_steps
from training_benchmarks.step_tables import (
    to_footnote,
    to_json,
    to_summary,
    to_table,
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS)
    )
    parser.add_argument(
        "--implementations",
        nargs="+",
        choices=IMPLEMENTATIONS,
        default=list(IMPLEMENTATIONS),
        help="the first that runs is the reference of the speed-ups",
    )
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N")
    parser.add_argument(
        "--threads", type=int, default=usable_cores(), metavar="N"
    )
    parser.add_argument("--rounds", type=int, default=20, metavar="N")
    parser.add_argument("--warmup", type=int, default=3, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
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
    # Before the benchmark is itself the load.
    machine = describe_machine(packages=("numpy",))
    comparisons = []
    for variant in args.variants:
        comparison = compare_steps(
            [IMPLEMENTATIONS[name] for name in args.implementations],
            variant,
            size=args.size,
            batch_size=args.batch_size,
            threads=args.threads,
            rounds=args.rounds,
            warmup=args.warmup,
        )
        comparisons.append(comparison)
        for name, reason in comparison.left_out.items():
            print(f"left out of {variant}: {name}, {reason}\n")
        if comparison.results:
            print(f"{variant}\n\n{to_table(comparison)}")
            print(f"\n{to_footnote(comparison, machine)}\n", flush=True)
        if args.json:
            tree = to_json(comparisons, machine)
            atomic_write(args.json, json.dumps(tree, indent=2).encode())
    if not any(comparison.results for comparison in comparisons):
        raise ValueError("no implementation could be measured")
    print(to_summary(comparisons))


if __name__ == "__main__":
    sys.exit(main())
