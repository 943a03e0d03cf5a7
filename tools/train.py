#!/usr/bin/env python3
"""Trains a MobileViT by a recipe, or fine-tunes one on a folder of pictures.

The same command continues a run that was cut off. The weights carry the names
of the classes and the preprocessing, for `tools/export_tflite.py`.

Examples:
    python tools/train.py --recipe finetune --data flowers --out runs/flowers
    python tools/train.py --recipe cifar10 --train cifar10_train.tar \
        --test cifar10_test.tar --out runs/cifar10 --set schedule.epochs=2
    KERAS_BACKEND=jax python tools/train.py --recipe my.toml --data DIR \
        --out runs/mine --distribution data_parallel
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from keras_mobilevit.training.distribution import STRATEGIES
from keras_mobilevit.training.recipe import load_recipe, recipe_names
from keras_mobilevit.training.run import run_recipe


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--recipe",
        required=True,
        metavar="NAME|FILE.toml",
        help=f"one of {', '.join(recipe_names())}, or a file",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the recipe, such as schedule.epochs=5",
    )
    parser.add_argument(
        "--weights",
        metavar="NAME|PATH",
        help="weights to begin from, instead of the recipe's",
    )
    parser.add_argument("--variant", help="instead of the recipe's")
    pictures = parser.add_argument_group(
        "pictures, in one folder a class, as folders or tars"
    )
    pictures.add_argument(
        "--data", metavar="DIR", help="folder that holds train/ and test/"
    )
    pictures.add_argument("--train", metavar="DIR|TAR")
    pictures.add_argument(
        "--test",
        metavar="DIR|TAR",
        help="reported after each epoch; they decide nothing",
    )
    run = parser.add_argument_group("run")
    run.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="folder of the run; the same folder continues a cut-off run",
    )
    run.add_argument("--seed", type=int, default=0)
    run.add_argument(
        "--distribution", choices=STRATEGIES, default="none", help="engine"
    )
    run.add_argument(
        "--workers", type=int, help="threads that prepare pictures"
    )
    run.add_argument(
        "--jit",
        action=argparse.BooleanOptionalAction,
        help="whether XLA compiles the step (default: where it helps)",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if bool(args.data) == bool(args.train and args.test):
        parser.error("give either --data, or --train and --test")
    changes = [text.partition("=")[::2] for text in args.set]
    for field in ("weights", "variant"):
        if getattr(args, field):
            changes.append((field, getattr(args, field)))
    folder = pathlib.Path(args.data or "")
    try:
        weights = run_recipe(
            load_recipe(args.recipe, dict(changes)),
            args.train or folder / "train",
            args.test or folder / "test",
            args.out,
            seed=args.seed,
            distribution=args.distribution,
            workers=args.workers,
            jit_compile=args.jit,
        )
    except KeyboardInterrupt:
        print(
            f"interrupted; all is saved in {args.out}, and the same command "
            "goes on from there",
            file=sys.stderr,
        )
        return 130
    except (OSError, ValueError, ImportError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {weights}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
