#!/usr/bin/env python3
"""Measures what the input costs a training step: resident, opened, none.

One block of steps of each in turn, in this process, on the Keras backend that
KERAS_BACKEND names.

Example:
    python tools/lab/benchmark_resident.py --recipe cifar10 --size 96 \
        --batch-size 64 --picture 32 32
    python tools/lab/benchmark_resident.py --recipe finetune --size 256 \
        --batch-size 16 --picture 300 400 --images 500
"""

from __future__ import annotations

import argparse
import json
import sys

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.machine import describe_machine
from keras_mobilevit.training.recipe import load_recipe
from keras_mobilevit.training.recipes import recipe_names
from training_benchmarks.footnotes import machine_text


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", choices=recipe_names(), default="cifar10")
    parser.add_argument("--variant", help="instead of the recipe's")
    parser.add_argument("--size", type=int, default=96, metavar="PIXELS")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N")
    parser.add_argument(
        "--picture",
        type=int,
        nargs=2,
        default=(32, 32),
        metavar=("HEIGHT", "WIDTH"),
        help="of the pictures in memory, in pixels",
    )
    parser.add_argument("--images", type=int, default=2000, metavar="N")
    parser.add_argument(
        "--steps", type=int, default=10, metavar="N", help="in a block"
    )
    parser.add_argument("--rounds", type=int, default=10, metavar="N")
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that prepare opened images (default: 0, threads)",
    )
    parser.add_argument(
        "--jit",
        action="store_true",
        help="let XLA compile the step on TensorFlow too",
    )
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
    # Here, so that a recipe that can not have them is told at once.
    changes = {"weights": "", "input.resident": "true"}
    if args.variant:
        changes["variant"] = args.variant
    recipe = load_recipe(args.recipe, changes)
    # Before the benchmark is itself the load.
    machine = describe_machine(packages=("numpy", "keras"))

    import keras

    from training_benchmarks.resident_steps import time_inputs, to_table

    backend = keras.backend.backend()
    results = time_inputs(
        recipe,
        size=args.size,
        batch_size=args.batch_size,
        picture=tuple(args.picture),
        images=args.images,
        steps=args.steps,
        rounds=args.rounds,
        workers=args.workers,
        jit_compile=args.jit if backend == "tensorflow" else "auto",
    )
    height, width = args.picture
    print(
        f"{recipe.variant} by the recipe {recipe.name} on {backend}: "
        f"{args.rounds} blocks of {args.steps} steps, {args.batch_size} images "
        f"of {args.size}x{args.size}, from pictures of {height}x{width}\n"
    )
    print(to_table(results))
    print(f"\n{machine_text(machine)}")
    if args.json:
        tree = {
            "machine": machine,
            "backend": backend,
            "rates": {r.name: r.rates.tolist() for r in results},
            "processor": {r.name: r.processor.tolist() for r in results},
        }
        atomic_write(args.json, json.dumps(tree, indent=2).encode())


if __name__ == "__main__":
    sys.exit(main())
