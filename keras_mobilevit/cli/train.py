r"""Trains a MobileViT by a recipe, or fine-tunes one on a folder of pictures.

The recipe says whether it classifies, segments or detects. The same command
continues a run that was cut off. The weights carry the task, the names of the
classes and the preprocessing, for `keras-mobilevit export`.

Examples:
    keras-mobilevit train --recipe finetune --data flowers --out runs/flowers
    keras-mobilevit train --recipe cifar10 --train cifar10_train.tar \
        --test cifar10_test.tar --out runs/cifar10 --set schedule.epochs=2
    keras-mobilevit train --recipe segmentation --data VOC2012 --out runs/voc
    keras-mobilevit train --recipe detection_finetune --out runs/mine \
        --train photos --train-annotations photos_voc \
        --test test_photos --test-annotations test_photos_voc
    KERAS_BACKEND=jax keras-mobilevit train --recipe my.toml --data DIR \
        --out runs/mine --distribution data_parallel

On several machines, the same command on each, but for --host-index, with an
--out that all of them see:
    KERAS_BACKEND=jax keras-mobilevit train --recipe imagenet --data DIR \
        --out shared/imagenet --distribution multi_worker \
        --hosts 10.0.0.1:9000 10.0.0.2:9000 --host-index 0
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from keras_mobilevit.cli.arguments import name_in
from keras_mobilevit.cli.errors import UsageError
from keras_mobilevit.training.recipes import recipe_names

HELP = "train a model, or fine-tune one on your pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
        "To classify, in one folder a class, as folders, tars or the shards of "
        "`keras-mobilevit pack`; else with annotations: a folder of masks; or "
        "boxes in a JSON file as of COCO, a CSV file, or a folder of Pascal "
        "VOC's .xml or YOLO's .txt files.",
    )
    pictures.add_argument(
        "--data",
        metavar="DIR",
        help="folder of train/ and test/ to classify, of Pascal VOC or CamVid "
        "to segment, of COCO, YOLO or Roboflow to detect",
    )
    pictures.add_argument("--train", metavar="DIR|TAR")
    pictures.add_argument("--train-annotations", metavar="DIR|FILE")
    pictures.add_argument(
        "--test",
        metavar="DIR|TAR",
        help="reported after each epoch; they decide nothing",
    )
    pictures.add_argument("--test-annotations", metavar="DIR|FILE")
    run = parser.add_argument_group("run")
    run.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="folder of the run; the same folder continues a cut-off run",
    )
    run.add_argument("--seed", type=int, default=0)
    run.add_argument(
        "--distribution",
        type=name_in("keras_mobilevit.training.distribution", "STRATEGIES"),
        metavar="ENGINE",
        help="several devices of this machine: mirrored (TensorFlow) or "
        "data_parallel (JAX); several processes or machines: multi_worker "
        "(default: none)",
    )
    run.add_argument(
        "--hosts",
        nargs="+",
        default=(),
        metavar="HOST:PORT",
        help="address of each process of multi_worker, with any free port "
        "(default: as TF_CONFIG or KERAS_DISTRIBUTION_JOB_ADDRESSES say)",
    )
    run.add_argument(
        "--host-index",
        type=int,
        metavar="N",
        help="which of the hosts this process is, from 0, which writes --out",
    )
    run.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that prepare pictures, or 0 for threads (default: "
        "beside a GPU and with 4 cores or more, one for each core but one, up "
        "to 8; else 0)",
    )
    run.add_argument(
        "--jit",
        action=argparse.BooleanOptionalAction,
        help="whether XLA compiles the step (default: where it helps)",
    )


def run(arguments: argparse.Namespace) -> int:
    if bool(arguments.data) == bool(arguments.train and arguments.test):
        raise UsageError("give either --data, or --train and --test")
    from keras_mobilevit.training.recipe import load_recipe
    from keras_mobilevit.training.run import run_recipe
    from keras_mobilevit.training.tasks import TASKS

    changes = [text.partition("=")[::2] for text in arguments.set]
    for field in ("weights", "variant"):
        if getattr(arguments, field):
            changes.append((field, getattr(arguments, field)))
    recipe = load_recipe(arguments.recipe, dict(changes))
    task = TASKS[recipe.task]
    if arguments.data:
        train, test = task.find_splits(pathlib.Path(arguments.data))
    else:
        train = task.join(arguments.train, arguments.train_annotations)
        test = task.join(arguments.test, arguments.test_annotations)
    try:
        weights = run_recipe(
            recipe,
            train,
            test,
            arguments.out,
            seed=arguments.seed,
            distribution=arguments.distribution or "none",
            hosts=arguments.hosts,
            host_index=arguments.host_index,
            workers=arguments.workers,
            jit_compile=arguments.jit,
        )
    except KeyboardInterrupt:
        print(
            f"interrupted; all is saved in {arguments.out}, and the same "
            "command goes on from there",
            file=sys.stderr,
        )
        return 130
    print(f"wrote {weights}")
    return 0
