#!/usr/bin/env python3
"""Measures a training step of MobileViT: ours on each backend, and others.

One step of each in turn, in processes of their own, on the GPU if there is one
and on the processor otherwise. What is not installed is left out. `--parts`
adds where a step spends its time: convolutions, norms, patches and transformer
layers, each trained alone.

Example:
    python tools/lab/benchmark_training.py --variants mobilevit_xxs \
        --rounds 20 --parts --json training.json
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.configs import VARIANTS
from keras_mobilevit.machine import describe_machine, usable_cores
from training_benchmarks.figures import to_json
from training_benchmarks.implementations import IMPLEMENTATIONS
from training_benchmarks.part_builders import PARTS
from training_benchmarks.step_comparison import compare_steps
from training_benchmarks.step_tables import (
    to_footnote,
    to_part_table,
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
        help="the first that runs is the reference of the speed-ups; by "
        "default all, but on a processor not those that torch compiles, which "
        "takes it many minutes",
    )
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N")
    parser.add_argument(
        "--threads", type=int, default=usable_cores(), metavar="N"
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="auto is the GPU where `nvidia-smi` lists one",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16"),
        default="float32",
        help="bfloat16 is mixed precision",
    )
    parser.add_argument(
        "--parts",
        action="store_true",
        help="also time the parts of a step",
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
    device = find_device() if args.device == "auto" else args.device
    if args.device == "auto" and device == "cpu":
        print("There is no GPU: everything runs on the processor.\n")
    names = args.implementations or [
        name
        for name, implementation in IMPLEMENTATIONS.items()
        if device == "gpu"
        or not (implementation.backend == "torch" and implementation.compiled)
    ]
    comparisons, all_parts = [], []
    for variant in args.variants:
        compare = functools.partial(
            compare_steps,
            [IMPLEMENTATIONS[name] for name in names],
            variant,
            size=args.size,
            batch_size=args.batch_size,
            threads=args.threads,
            device=device,
            dtype=args.dtype,
            rounds=args.rounds,
            warmup=args.warmup,
        )
        comparison = compare()
        comparisons.append(comparison)
        for name, reason in comparison.left_out.items():
            print(f"left out of {variant}: {name}, {reason}\n")
        if comparison.results:
            print(f"{variant}\n\n{to_table(comparison)}")
            print(f"\n{to_footnote(comparison, machine)}\n", flush=True)
        if args.parts:
            parts = [compare(part=part) for part in PARTS]
            all_parts += parts
            print(f"parts of {variant}\n\n{to_part_table(parts)}\n", flush=True)
        if args.json:
            tree = to_json(comparisons + all_parts, machine)
            atomic_write(args.json, json.dumps(tree, indent=2).encode())
    if not any(comparison.results for comparison in comparisons):
        raise ValueError("no implementation could be measured")
    print(to_summary(comparisons))


def find_device() -> str:
    """`"gpu"` where `nvidia-smi` lists one, else `"cpu"`."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "cpu"
    return "gpu" if "GPU" in listed else "cpu"


if __name__ == "__main__":
    sys.exit(main())
