#!/usr/bin/env python3
"""Exports a MobileViT as a .tflite file for phones.

A classifier, a detector or a network that segments: by its weights, by
`--task`, or as a file that Keras saved.

Examples:
    python tools/export_tflite.py --model mobilevit_xxs --weights cifar10 \
        --recipe int8 --calibration DIR -o mobilevit_xxs.tflite
    python tools/export_tflite.py --keras finetuned.keras --recipe float16 \
        -o finetuned.tflite
    python tools/export_tflite.py --keras finetuned.keras --calibration DIR \
        --target-sqnr 36 -o finetuned.tflite
    python tools/export_tflite.py --weights detector.weights.h5 \
        --calibration DIR --ending nms --max-boxes 25 -o detector.tflite
    python tools/export_tflite.py --model mobilevit_s --task segmentation \
        --recipe float16 --ending mask -o segmenter.tflite
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys
import warnings

import keras

from keras_mobilevit.configs import TASKS, VARIANTS
from keras_mobilevit.files import atomic_write
from keras_mobilevit.named_models import NamedModel, open_model
from keras_mobilevit.tflite import (
    ENDINGS,
    RECIPES,
    Ending,
    Recipe,
    export_baseline,
    export_searched,
    export_tflite,
    find_recipe,
    read_metadata,
)
from keras_mobilevit.tflite.affordable import AFFORDABLE
from keras_mobilevit.tflite.compatibility.compatible import COMPATIBLE
from keras_mobilevit.tflite.delegation_check import (
    delegation_gaps,
    is_for_xnnpack,
)
from keras_mobilevit.tflite.output_fidelity import describe_fidelity

TYPES = ("float32", "int8", "uint8")
# Option -> those that would have no effect beside it.
IGNORED = {
    "--baseline": (
        *("--recipe", "--input-type", "--output-type", "--save-recipe"),
        *("--no-escalation", "--target-sqnr", "--max-drop"),
    ),
    "--keras": ("--weights", "--task", "--classes"),
}
# What is published for each task.
WEIGHTS = {
    "classification": "imagenet",
    "segmentation": "pascal_voc",
    "detection": "coco",
}


def parse_size(text: str) -> tuple[int, int]:
    """`"256"` or `"192x320"` to `(height, width)`."""
    try:
        sides = [int(side) for side in text.lower().split("x")]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(
            f"expected SIDE or HEIGHTxWIDTH, such as 256 or 192x320: {text!r}"
        )
    return sides[0], sides[-1]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model = parser.add_argument_group("model")
    source = model.add_mutually_exclusive_group()
    source.add_argument(
        "--model",
        choices=VARIANTS,
        help="variant (default: that of the file of --weights)",
    )
    source.add_argument(
        "--keras",
        metavar="FILE.keras",
        help="a saved model, instead of --model",
    )
    model.add_argument(
        "--weights",
        metavar="none|NAME|PATH",
        help="weights: cifar10, imagenet, pascal_voc, coco or a file (default: "
        "those published for the task, downloaded); a file that "
        "tools/train.py wrote brings its labels and preprocessing",
    )
    model.add_argument(
        "--task",
        choices=TASKS,
        help="what the network is for (default: that of --weights, else "
        "classification)",
    )
    model.add_argument(
        "--classes", type=int, help="outputs (default: those of the weights)"
    )
    model.add_argument(
        "--size",
        type=parse_size,
        metavar="SIDE|HxW",
        help="input in pixels (default: that of the weights or of --keras)",
    )
    model.add_argument(
        "--labels",
        metavar="FILE",
        help="class names, one a line; of a detector, the background first",
    )
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument(
        "--recipe",
        metavar="NAME|FILE.json",
        help=f"one of {', '.join(RECIPES)}, or a recipe as JSON "
        "(default: int8)",
    )
    recipe.add_argument(
        "--baseline",
        action="store_true",
        help="int8 by TensorFlow's own converter instead, to compare with",
    )
    recipe.add_argument(
        "--compat",
        choices=COMPATIBLE,
        help="write what TensorFlow Lite 2.14 computes rightly too",
    )
    recipe.add_argument(
        "--input-type", choices=TYPES, help="instead of the recipe's"
    )
    recipe.add_argument(
        "--output-type", choices=TYPES, help="instead of the recipe's"
    )
    recipe.add_argument(
        "--save-recipe",
        metavar="FILE.json",
        help="write the recipe that was used, found by a search or not",
    )
    ending = parser.add_argument_group("ending, for detection and segmentation")
    ending.add_argument(
        "--ending",
        choices=ENDINGS,
        help="raw: what the detector predicts for each anchor (default); nms: "
        "boxes; logits: at the output stride (default); upsampled: logits at "
        "the size of the input; mask: class ids",
    )
    ending.add_argument(
        "--score-threshold",
        type=float,
        metavar="P",
        help="least score of a box, for nms (default: 0.05)",
    )
    ending.add_argument(
        "--iou-threshold",
        type=float,
        metavar="IOU",
        help="overlap that takes a box away, for nms (default: 0.5)",
    )
    ending.add_argument(
        "--max-boxes",
        type=int,
        metavar="N",
        help="room in the outputs, for nms (default: 200)",
    )
    calibration = parser.add_argument_group(
        "calibration: needed by int8 recipes, optional for weight_only and "
        "dynamic"
    )
    calibration.add_argument(
        "--calibration",
        metavar="DIR|TAR",
        help="pictures that set the ranges of int8 and by which the weights of "
        "weight_only and dynamic are rounded; labels do not matter",
    )
    calibration.add_argument(
        "--calibration-images",
        type=int,
        default=100,
        metavar="N",
        help="draw N of them (default: 100)",
    )
    calibration.add_argument(
        "--seed", type=int, default=0, help="that draws them (default: 0)"
    )
    fidelity = parser.add_argument_group("fidelity of int8")
    fidelity.add_argument(
        "--min-sqnr",
        type=float,
        default=15.0,
        metavar="DB",
        help="least signal to quantization noise of the outputs against "
        "float32, on reserved pictures of --calibration; 0 for any (default: "
        "15)",
    )
    fidelity.add_argument(
        "--no-escalation",
        action="store_true",
        help="warn only where they have less, instead of moving layers to "
        "float until they have as much (weight_only and dynamic only warn)",
    )
    search = parser.add_argument_group(
        "search: move layers to float, beginning from the recipe, until"
    ).add_mutually_exclusive_group()
    search.add_argument(
        "--target-sqnr",
        type=float,
        metavar="DB",
        help="the outputs are as near to float32 as this, on other pictures "
        "of --calibration",
    )
    search.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="top-1 on --data is at most so far below that of float32",
    )
    parser.add_argument(
        "--data",
        metavar="DIR|TAR",
        help="labelled pictures for --max-drop, <class>/<picture>",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE.tflite")
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if (args.max_drop is None) != (args.data is None):
        parser.error("--max-drop and --data go together")
    for option, ignored in IGNORED.items():
        given = [name for name in ignored if is_given(args, name)]
        if is_given(args, option) and given:
            parser.error(f"{option} goes without {', '.join(given)}")
    try:
        path = run(args)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {path} ({path.stat().st_size:,} bytes)")
    return 0


def is_given(args: argparse.Namespace, option: str) -> bool:
    value = getattr(args, option.removeprefix("--").replace("-", "_"))
    return value is not None and value is not False


def run(args: argparse.Namespace) -> pathlib.Path:
    source = open_source(args)
    labels = source.labels
    if args.labels:
        labels = pathlib.Path(args.labels).read_text().splitlines()
    recipe = find_recipe("int8" if args.recipe is None else args.recipe)
    types = {"input_type": args.input_type, "output_type": args.output_type}
    recipe = dataclasses.replace(
        recipe, **{name: value for name, value in types.items() if value}
    )
    options = {
        "size": args.size,
        "calibration": args.calibration,
        "calibration_images": args.calibration_images,
        "seed": args.seed,
        "labels": labels,
        "crop_fraction": source.crop_fraction,
        "native_size": source.native_size,
        "ending": chosen_ending(args),
        "compat": args.compat,
        "min_sqnr": args.min_sqnr,
        "escalate": not args.no_escalation,
    }
    if args.baseline:
        path = export_baseline(source.model, args.output, **options)
        print_fidelity(path)
        print_gaps(path)
        return path
    if args.target_sqnr is None and args.max_drop is None:
        path = export_tflite(source.model, args.output, recipe, **options)
        kept = read_metadata(path).recipe_fields
        for field in AFFORDABLE:
            if getattr(recipe, field) and not kept[field] and not args.compat:
                print(f"without {field}: it would cost accuracy here")
    else:
        path, recipe, steps = export_searched(
            source.model,
            args.output,
            recipe,
            target_sqnr=args.target_sqnr,
            max_drop=args.max_drop,
            labelled=args.data,
            **options,
        )
        for step in steps:
            moved = ", ".join(step.layers) or recipe.name
            back = "back to int8: " if step.returned else ""
            print(f"{step.score:8.2f}  {back}{moved}")
    print_fidelity(path)
    if not is_for_xnnpack(recipe):
        # Others are warned of.
        print_gaps(path)
    if args.save_recipe:
        # What the file was made by: the export may have dropped fields that
        # cost accuracy, and moved layers to float.
        used = dict(read_metadata(path).recipe_fields)
        recipe = Recipe.from_json(json.dumps(used))
        atomic_write(args.save_recipe, f"{recipe.to_json()}\n".encode())
    return path


def print_fidelity(path: pathlib.Path) -> None:
    metadata = read_metadata(path)
    if metadata.fidelity:
        print(describe_fidelity(metadata.recipe, metadata.fidelity))
        balanced = metadata.fidelity.get("balanced")
        if balanced:
            print(f"balanced the channels of {', '.join(balanced)}")


def print_gaps(path: pathlib.Path) -> None:
    if gaps := delegation_gaps(path.read_bytes()):
        print(gaps)


def chosen_ending(args: argparse.Namespace) -> Ending | str | None:
    thresholds = {
        name: getattr(args, name)
        for name in ("iou_threshold", "score_threshold", "max_boxes")
        if getattr(args, name) is not None
    }
    if args.ending == "nms":
        return ENDINGS["nms"](**thresholds)
    if thresholds:
        raise ValueError(
            f"--{min(thresholds).replace('_', '-')} is for --ending nms. "
            f"Received: --ending {args.ending}"
        )
    return args.ending


def open_source(args: argparse.Namespace) -> NamedModel:
    if args.keras:
        model = keras.saving.load_model(args.keras, compile=False)
        return NamedModel(model, (), 1.0, 0)
    weights = args.weights or WEIGHTS[args.task or "classification"]
    return open_model(
        args.model,
        None if weights == "none" else weights,
        task=args.task,
        classes=args.classes,
        size=args.size,
    )


if __name__ == "__main__":
    # A line of this package's source, which Python would add, helps nobody.
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    sys.exit(main())
