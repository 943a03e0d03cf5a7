"""Says what is on pictures: names it, or draws boxes or masks.

Which of them depends on the model. A classifier prints the most probable
classes, a detector the boxes of objects, and a network for segmentation the
share of each class; the latter two also draw, on copies of the pictures.

Examples:
    keras-mobilevit predict cat.jpg --model mobilevit_xxs.tflite
    keras-mobilevit predict street.jpg --model ssdlite.tflite -o found.jpg
    keras-mobilevit predict *.jpg --model deeplab.weights.h5 -o DIR
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Collection
from typing import TYPE_CHECKING

from keras_mobilevit.cli.arguments import add_scaling, name_in
from keras_mobilevit.cli.errors import UsageError

if TYPE_CHECKING:
    from keras_mobilevit.opening import OpenedModel

HELP = "classify pictures, find objects on them, or segment them"

# Options that not all models have, with their defaults.
DEFAULTS = {
    "output": None,
    "top": None,
    "score": 0.3,
    "opacity": 0.6,
    "threads": 1,
    "runtime": "ai-edge-litert",
}
# Task, or kind of file -> those that it has.
OPTIONS = {
    "classification": {"top"},
    "detection": {"score", "output"},
    "segmentation": {"opacity", "output"},
    ".tflite": {"threads", "runtime"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument(
        "--model",
        required=True,
        metavar="FILE|weights:NAME[:VARIANT]",
        help="a .tflite, .keras or .weights.h5 file, or another checkpoint",
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="input of a model that takes any",
    )
    add_scaling(parser)
    group = parser.add_argument_group("classifiers")
    group.add_argument(
        "--top",
        type=int,
        metavar="N",
        help="print so many classes (default: 5, and of several labels all "
        "above 50%%)",
    )
    group = parser.add_argument_group("detectors and segmentation")
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help="draw the boxes or masks there; several pictures go into a folder",
    )
    group.add_argument(
        "--score",
        type=float,
        metavar="SHARE",
        help="only boxes of higher scores (default: 0.3)",
    )
    group.add_argument(
        "--opacity",
        type=float,
        metavar="SHARE",
        help="of the colours of masks (default: 0.6)",
    )
    group = parser.add_argument_group(".tflite files")
    group.add_argument(
        "--threads", type=int, metavar="N", help="of the runtime (default: 1)"
    )
    group.add_argument(
        "--runtime",
        type=name_in("keras_mobilevit.tflite.interpreters", "RUNTIMES"),
        metavar="NAME",
        help="what runs the file: tflite-runtime or ai-edge-litert (default: "
        "ai-edge-litert)",
    )


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.opening import open_model
    from keras_mobilevit.tflite.runtime import ImageModel

    opened = open_model(
        arguments.model,
        size=tuple(arguments.size) if arguments.size else None,
        scaling=arguments.scaling,
        num_threads=arguments.threads or DEFAULTS["threads"],
        runtime=arguments.runtime or DEFAULTS["runtime"],
    )
    task = opened.info.task
    if isinstance(opened.model, ImageModel):
        check_options(arguments, OPTIONS[task] | OPTIONS[".tflite"], task)
    else:
        check_options(arguments, OPTIONS[task], f"Keras models for {task}")
    {
        "classification": classify,
        "detection": detect,
        "segmentation": segment,
    }[task](arguments, opened)
    return 0


def check_options(
    arguments: argparse.Namespace, fitting: Collection[str], kind: str
) -> None:
    """Refuses options that do not fit the model; fills in those that do."""
    for name, default in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
        elif name not in fitting:
            raise UsageError(
                f"--{name} is not for {kind}. Received: {arguments.model}"
            )


def check_size(arguments: argparse.Namespace, opened: OpenedModel) -> None:
    """Tells which option is missing where `OpenedModel` tells the argument."""
    if opened.info.image.size is None:
        raise ValueError(
            f"{arguments.model} takes images of any size: --size must be given"
        )


def classify(arguments: argparse.Namespace, opened: OpenedModel) -> None:
    from keras_mobilevit.tflite.runtime import Value

    check_size(arguments, opened)
    for path in arguments.images:
        predictions = opened.predict(path, top=arguments.top)
        print(path)
        for result in predictions:
            label, number = result
            form = "10.5g" if isinstance(result, Value) else "6.1%"
            print(f"  {number:{form}}  {label}")
        if not predictions:
            print("  nothing above 50%")


def detect(arguments: argparse.Namespace, opened: OpenedModel) -> None:
    from keras_mobilevit.detection import draw_detections
    from keras_mobilevit.images import open_image
    from keras_mobilevit.tflite.dense_prediction.image_output import save_image

    pictures = targets(arguments)
    check_size(arguments, opened)
    for path, target in pictures:
        detections = opened.predict(path, score_threshold=arguments.score)
        print(path)
        for detection in detections:
            box = ", ".join(f"{side:.0f}" for side in detection.box)
            print(f"  {detection.score:6.1%}  {detection.name}  ({box})")
        if not detections:
            print(f"  nothing above {arguments.score:.0%}")
        if target:
            save_image(draw_detections(open_image(path), detections), target)


def segment(arguments: argparse.Namespace, opened: OpenedModel) -> None:
    from keras_mobilevit.images import open_image
    from keras_mobilevit.segmentation.legend import named_overlay
    from keras_mobilevit.tflite.dense_prediction.image_output import save_image

    pictures = targets(arguments)
    check_size(arguments, opened)
    for path, target in pictures:
        found = opened.predict(path)
        print(path)
        for label, share in found.shares():
            print(f"  {share:6.1%}  {label}")
        if target:
            drawn = named_overlay(
                open_image(path), found.mask, found.labels, arguments.opacity
            )
            save_image(drawn, target)


def targets(
    arguments: argparse.Namespace,
) -> list[tuple[str, pathlib.Path | None]]:
    """The pictures, each with the file to draw on, if any."""
    from keras_mobilevit.tflite.dense_prediction.image_output import (
        output_paths,
    )

    paths = [None] * len(arguments.images)
    if arguments.output:
        paths = output_paths(arguments.images, arguments.output)
    return list(zip(arguments.images, paths, strict=True))
