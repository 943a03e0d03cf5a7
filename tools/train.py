#!/usr/bin/env python3
"""Trains a MobileViT by one of the recipes of the package.

Example, the embedded checkpoint:
    python tools/train.py --recipe cifar10 --train cifar10_train.tar \
        --test cifar10_test.tar --out runs/cifar10
"""

from __future__ import annotations

import argparse
import sys

from keras_mobilevit.training.fit import run_recipe
from keras_mobilevit.training.recipes import RECIPES


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", required=True, choices=RECIPES)
    parser.add_argument(
        "--train",
        required=True,
        metavar="DIR|TAR",
        help="training images, one folder a class",
    )
    parser.add_argument(
        "--test",
        required=True,
        metavar="DIR|TAR",
        help="test images, reported after each epoch; they decide nothing",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="folder of the run; the same folder continues a cut-off run",
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    try:
        weights = run_recipe(
            RECIPES[args.recipe],
            args.train,
            args.test,
            args.out,
            seed=args.seed,
        )
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {weights}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
