#!/usr/bin/env python3
"""Trains a recipe with and without its parts, and compares the accuracies.

The sampler, label smoothing and the average of the weights are taken away in
turn, with the same pictures and epochs. A finished variant is not run again.

Example:
    python tools/lab/ablate_training.py --recipe cifar10 \
        --train cifar10_train.tar --test cifar10_test.tar \
        --sizes 32 48 64 --out runs/ablation \
        --set schedule.epochs=15 --train-images 10000
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from training_ablation import (
    VARIANTS,
    outcome_table,
    plot_outcomes,
    run_variant,
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", required=True, metavar="NAME|FILE.toml")
    parser.add_argument("--train", required=True, metavar="DIR|TAR")
    parser.add_argument("--test", required=True, metavar="DIR|TAR")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        required=True,
        metavar="SIDE",
        help="sides of the test images, in pixels",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the recipe for all variants",
    )
    parser.add_argument(
        "--variant",
        action="append",
        choices=VARIANTS,
        help="run only these (default: all)",
    )
    parser.add_argument(
        "--train-images", type=int, metavar="N", help="learn from N of them"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    folder = pathlib.Path(args.out)
    try:
        outcomes = [
            run_variant(
                name,
                args.recipe,
                dict(text.partition("=")[::2] for text in args.set),
                args.train,
                args.test,
                folder / name.replace(", ", "-"),
                sizes=args.sizes,
                train_images=args.train_images,
                seed=args.seed,
            )
            for name in args.variant or VARIANTS
        ]
        plot_outcomes(outcomes, folder / "accuracy.png")
    except (OSError, ValueError, ImportError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(outcome_table(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
