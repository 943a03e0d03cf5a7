r"""Exports a MobileViT as a .tflite file for phones.

A classifier, a detector or a network that segments: by its weights, by
`--task`, or as a file that Keras saved.

Examples:
    keras-mobilevit export --model mobilevit_xxs --weights cifar10 \
        --recipe int8 --calibration DIR -o mobilevit_xxs.tflite
    keras-mobilevit export --keras finetuned.keras --recipe float16 \
        -o finetuned.tflite
    keras-mobilevit export --keras finetuned.keras --calibration DIR \
        --target-sqnr 36 -o finetuned.tflite
    keras-mobilevit export --weights detector.weights.h5 \
        --calibration DIR --output-head nms --max-boxes 25 -o detector.tflite
    keras-mobilevit export --model mobilevit_s --task segmentation \
        --recipe float16 --output-head mask -o segmenter.tflite
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
from typing import TYPE_CHECKING

from keras_mobilevit.cli.errors import UsageError
from keras_mobilevit.cli.export_arguments import (
    add_export_arguments,
    add_target,
)

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.model_info import ModelInfo
    from keras_mobilevit.tflite import OutputHead
    from keras_mobilevit.tflite.export_summary import ExportedFile

HELP = "export a model as a .tflite file"
# Option -> those that would have no effect beside it.
IGNORED = {
    "--baseline": (
        *("--recipe", "--input-type", "--output-type", "--save-recipe"),
        *("--no-escalation", "--target-sqnr", "--max-drop"),
    ),
    "--keras": ("--weights", "--classes", "--ema"),
}
# What is published for each task.
WEIGHTS = {
    "classification": "imagenet",
    "segmentation": "pascal_voc",
    "detection": "coco",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_export_arguments(parser)
    add_target(parser, required=False)
    parser.add_argument(
        "--baseline",
        action="store_true",
        help="int8 by TensorFlow's own converter instead, to compare with",
    )


def run(arguments: argparse.Namespace) -> int:
    if (arguments.max_drop is None) != (arguments.data is None):
        raise UsageError("--max-drop and --data go together")
    for option, ignored in IGNORED.items():
        given = [name for name in ignored if is_given(arguments, name)]
        if is_given(arguments, option) and given:
            raise UsageError(f"{option} goes without {', '.join(given)}")
    path = export(arguments)
    print(f"wrote {path.summary}")
    return 0


def is_given(arguments: argparse.Namespace, option: str) -> bool:
    name = option.removeprefix("--").replace("-", "_")
    value = getattr(arguments, name)
    if name == "ema":
        # False is a choice, too.
        return value is not None
    # A threshold of 0 is one.
    return value is not None and value is not False


def export(arguments: argparse.Namespace) -> ExportedFile:
    from keras_mobilevit.atomic_files import atomic_write
    from keras_mobilevit.label_files import read_label_file
    from keras_mobilevit.model_info import ModelInfo
    from keras_mobilevit.tflite import (
        Recipe,
        export_baseline,
        export_searched,
        export_tflite,
        find_output_head,
        find_recipe,
        read_metadata,
    )
    from keras_mobilevit.tflite.accuracy_guard import GUARDED_FIELDS
    from keras_mobilevit.tflite.delegation_check import is_for_xnnpack

    model, info = open_source(arguments)
    labels = None
    if arguments.labels:
        labels = read_label_file(arguments.labels)
    elif arguments.keras and not (info and info.labels):
        print(
            f"{arguments.keras} has no class names, so the file will have "
            "none: name them with --labels FILE"
        )
    recipe = find_recipe(
        "int8" if arguments.recipe is None else arguments.recipe,
        "" if info is None else info.architecture,
    )
    types = {
        "input_type": arguments.input_type,
        "output_type": arguments.output_type,
    }
    recipe = dataclasses.replace(
        recipe, **{name: value for name, value in types.items() if value}
    )
    output_head = find_output_head(
        chosen_output_head(arguments),
        model,
        None if info is None else info.task,
    )
    image = {
        name: getattr(arguments, name)
        for name in ("crop_pct", "pre_resize")
        if getattr(arguments, name) is not None
    }
    if image:
        info = (info or ModelInfo()).with_image(**image)
    options = {
        "size": arguments.size,
        "calibration": arguments.calibration,
        "calibration_images": arguments.calibration_images,
        "seed": arguments.seed,
        "info": info,
        "labels": labels,
        "scaling": arguments.scaling,
        "problem_type": arguments.problem_type,
        "output_head": output_head,
        "compat": arguments.compat,
        "min_sqnr": arguments.min_sqnr,
        "escalate": not arguments.no_escalation,
    }
    if arguments.baseline:
        path = export_baseline(model, arguments.output, **options)
        print_gaps(path)
        return path
    if arguments.target_sqnr is None and arguments.max_drop is None:
        path = export_tflite(model, arguments.output, recipe, **options)
        kept = read_metadata(path).recipe_fields
        for field in GUARDED_FIELDS:
            if (
                getattr(recipe, field)
                and not kept[field]
                and not arguments.compat
            ):
                print(f"without {field}: it would cost accuracy here")
    else:
        path, recipe, steps = export_searched(
            model,
            arguments.output,
            recipe,
            target_sqnr=arguments.target_sqnr,
            max_drop=arguments.max_drop,
            labelled=arguments.data,
            **options,
        )
        for step in steps:
            moved = ", ".join(step.layers) or recipe.name
            back = "back to int8: " if step.returned else ""
            print(f"{step.score:8.2f}  {back}{moved}")
    if not is_for_xnnpack(recipe):
        # Others are warned of.
        print_gaps(path)
    if arguments.save_recipe:
        # What the file was made by: the export may have dropped fields that
        # cost accuracy, and moved layers to float.
        used = dict(read_metadata(path).recipe_fields)
        recipe = Recipe.from_json(json.dumps(used))
        atomic_write(arguments.save_recipe, f"{recipe.to_json()}\n".encode())
    return path


def print_gaps(path: pathlib.Path) -> None:
    from keras_mobilevit.tflite.delegation_check import delegation_gaps

    if gaps := delegation_gaps(path.read_bytes()):
        print(gaps)


def chosen_output_head(
    arguments: argparse.Namespace,
) -> OutputHead | str | None:
    thresholds = {
        name: getattr(arguments, name)
        for name in ("iou_threshold", "score_threshold", "max_boxes")
        if getattr(arguments, name) is not None
    }
    if arguments.output_head == "nms":
        from keras_mobilevit.tflite import OUTPUT_HEADS

        return OUTPUT_HEADS["nms"](**thresholds)
    if thresholds:
        raise ValueError(
            f"--{min(thresholds).replace('_', '-')} is for --output-head nms. "
            f"Received: --output-head {arguments.output_head}"
        )
    return arguments.output_head


def open_source(
    arguments: argparse.Namespace,
) -> tuple[keras.Model, ModelInfo | None]:
    """The model, and what is known of it: a `.keras` file may say nothing."""
    from keras_mobilevit import named_models, opening
    from keras_mobilevit.model_info import ModelInfo

    if arguments.keras:
        if not arguments.keras.endswith(".keras"):
            raise ValueError(
                "--keras takes a .keras file, and --weights all others. "
                f"Received: --keras {arguments.keras}"
            )
        opened = opening.open_model(arguments.keras, scaling=arguments.scaling)
        info = opened.info if opened.described else None
        if arguments.task:
            info = dataclasses.replace(info or ModelInfo(), task=arguments.task)
        return opened.model, info
    weights = arguments.weights or WEIGHTS[arguments.task or "classification"]
    opened = named_models.open_model(
        arguments.model,
        None if weights == "none" else weights,
        task=arguments.task,
        classes=arguments.classes,
        size=arguments.size,
        ema=arguments.ema,
    )
    return opened.model, opened.info
