#!/usr/bin/env python3
"""Trains a MobileViT by a recipe, or fine-tunes one on a folder of pictures.

The recipe says whether it classifies, segments or detects. The same command
continues a run that was cut off. The weights carry the task, the names of the
classes and the preprocessing, for `tools/export_tflite.py`.

Examples:
    python tools/train.py --recipe finetune --data flowers --out runs/flowers
    python tools/train.py --recipe cifar10 --train cifar10_train.tar \
        --test cifar10_test.tar --out runs/cifar10 --set schedule.epochs=2
    python tools/train.py --recipe segmentation --data VOC2012 --out runs/voc
    python tools/train.py --recipe detection --out runs/mine \
        --train photos --train-annotations boxes.json \
        --test test_photos --test-annotations test_boxes.json
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
from keras_mobilevit.training.tasks import TASKS


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
        "pictures",
        "To classify, in one folder a class, as folders or tars; else with "
        "annotations: a folder of masks, or a JSON file of boxes as of COCO.",
    )
    pictures.add_argument(
        "--data",
        metavar="DIR",
        help="folder of train/ and test/ to classify, of Pascal VOC or CamVid "
        "to segment, of COCO to detect",
    )
    pictures.add_argument("--train", metavar="DIR|TAR")
    pictures.add_argument("--train-annotations", metavar="DIR|JSON")
    pictures.add_argument(
        "--test",
        metavar="DIR|TAR",
        help="reported after each epoch; they decide nothing",
    )
    pictures.add_argument("--test-annotations", metavar="DIR|JSON")
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
    try:
        recipe = load_recipe(args.recipe, dict(changes))
        task = TASKS[recipe.task]
        if args.data:
            train, test = task.find_splits(pathlib.Path(args.data))
        else:
            train = task.join(args.train, args.train_annotations)
            test = task.join(args.test, args.test_annotations)
        weights = run_recipe(
            recipe,
            train,
            test,
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
