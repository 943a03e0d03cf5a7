r"""Compares Keras models and .tflite files on a folder of pictures.

Labels and preprocessing come from the models themselves. Classifiers: without
labels, as of a folder of pictures in no class folders, only agreement and SQNR
are told. Models for several labels are measured by the mean average precision
(mAP), those that give values by the root mean square error (RMSE) and R².
Detectors are measured against annotations, by the metrics of COCO,
and networks for segmentation against masks, by the mean IoU.

Examples:
    keras-mobilevit evaluate cifar10_test.tar \
        --model weights:cifar10 float32.tflite int8.tflite --workers 2
    keras-mobilevit evaluate imagenet/val --labels folders \
        --model weights:imagenet:mobilevit_s int8.tflite --json result.json
    keras-mobilevit evaluate val2017 --annotations instances_val2017.json \
        --model ssdlite.weights.h5 ssdlite_int8.tflite
    keras-mobilevit evaluate camvid/test --masks camvid/testannot \
        --ignore-label 11 --model deeplab.weights.h5 deeplab_int8.tflite
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras_mobilevit.cli.arguments import add_problem_type, add_scaling
from keras_mobilevit.cli.errors import UsageError
from keras_mobilevit.configs import IGNORE_LABEL

if TYPE_CHECKING:
    from keras_mobilevit.opening import OpenedModel

HELP = "measure the accuracy of models and .tflite files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        metavar="DIR|TAR",
        help="pictures; those for classifiers are <class>/<picture>",
    )
    parser.add_argument(
        "--model",
        required=True,
        nargs="+",
        metavar="weights:NAME[:VARIANT]|FILE",
        help="what to compare (.weights.h5, .keras or .tflite files); the "
        "first is the reference",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="evaluate only N pictures"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="threads for pictures and .tflite files (default: 1)",
    )
    add_scaling(parser)
    parser.add_argument(
        "--json", metavar="FILE", help="write the results there as well"
    )

    group = parser.add_argument_group("classifiers")
    group.add_argument(
        "--labels",
        metavar="NAME|FILE|folders|none",
        help="class names: those of weights, one a line of a file, or the "
        "sorted names of the folders (default: those of the models)",
    )
    group.add_argument(
        "--crop-pct",
        type=float,
        metavar="SHARE",
        help="part of a picture's side to keep (default: as the models say)",
    )
    group.add_argument(
        "--pre-resize",
        type=int,
        metavar="PIXELS",
        help="side to reduce pictures to first, 0 for none (default: as the "
        "models say)",
    )

    add_problem_type(group)
    group.add_argument(
        "--targets",
        metavar="FILE.csv",
        help="right answers of several labels or of values: a line with the "
        "name of each picture and a number for each output, 1 or 0 for labels; "
        "the first line names the columns (default for labels: the folders)",
    )

    group = parser.add_argument_group("detectors")
    group.add_argument(
        "--annotations",
        metavar="DIR|FILE",
        help="boxes in a JSON file as of COCO, a CSV file, or a folder of "
        "Pascal VOC's .xml or YOLO's .txt files",
    )

    group = parser.add_argument_group("networks for segmentation")
    group.add_argument(
        "--masks",
        metavar="DIR",
        help="masks of class ids, named as the pictures",
    )
    group.add_argument(
        "--ignore-label",
        type=int,
        default=IGNORE_LABEL,
        metavar="N",
        help="pixels of this id do not count (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    dense = arguments.annotations, arguments.masks
    preprocessing = (
        arguments.labels,
        arguments.crop_pct,
        arguments.pre_resize,
        arguments.problem_type,
        arguments.targets,
    )
    if all(dense) or (any(dense) and any(x is not None for x in preprocessing)):
        raise UsageError(
            "options of one kind of model only: see the groups of --help"
        )
    from keras_mobilevit.atomic_files import atomic_write
    from keras_mobilevit.opening import open_model
    from keras_mobilevit.tflite import inspect
    from keras_mobilevit.tflite.evaluation.evaluation_tables import (
        to_record,
        to_table,
    )

    models = {
        name: open_model(name, scaling=arguments.scaling)
        for name in arguments.model
    }
    if arguments.annotations:
        settings, results = run_detectors(arguments, models)
    elif arguments.masks:
        settings, results = run_segmenters(arguments, models)
    else:
        settings, results = run_classifiers(arguments, models)
    files = {
        name: inspect(name) for name in results if name.endswith(".tflite")
    }
    print(to_table(results, files))
    (first, *_) = results.values()
    intervals = "" if arguments.annotations else "; in brackets 95 % intervals"
    print(f"\n{first.images:,} images{intervals}")
    if first.skipped:
        listed = ", ".join(first.skipped[:5])
        listed += ", ..." if first.skipped[5:] else ""
        print(f"{len(first.skipped):,} pictures could not be read: {listed}")
    if arguments.json:
        report = {
            "data": arguments.data,
            **settings,
            "models": {
                name: to_record(result, files.get(name))
                for name, result in results.items()
            },
        }
        text = json.dumps(report, indent=2, allow_nan=False)
        atomic_write(arguments.json, f"{text}\n".encode())
    return 0


Evaluated = tuple[dict[str, Any], Mapping[str, Any]]


def run_classifiers(
    arguments: argparse.Namespace, models: Mapping[str, OpenedModel]
) -> Evaluated:
    """Settings for the report, and the results."""
    from keras_mobilevit.tflite import evaluate
    from keras_mobilevit.tflite.evaluation.candidates import (
        check_task,
        common_image,
        common_labels,
        common_problem_type,
        read_labels,
    )

    check_task(models, "classification")
    labels = (
        read_labels(arguments.labels, arguments.data)
        if arguments.labels
        else common_labels(models)
    )
    image = common_image(
        models, crop_pct=arguments.crop_pct, pre_resize=arguments.pre_resize
    )
    results = evaluate(
        models,
        arguments.data,
        labels,
        image=image,
        problem_type=arguments.problem_type or common_problem_type(models),
        targets=arguments.targets,
        limit=arguments.limit,
        workers=arguments.workers,
    )
    settings = {"crop_pct": image.crop_pct, "pre_resize": image.pre_resize}
    return settings, results


def run_detectors(
    arguments: argparse.Namespace, models: Mapping[str, OpenedModel]
) -> Evaluated:
    """Settings for the report, and the results."""
    from keras_mobilevit.detection import COCO_SCORE_THRESHOLD
    from keras_mobilevit.tflite.dense_prediction import Detector
    from keras_mobilevit.tflite.evaluation.candidates import check_task
    from keras_mobilevit.tflite.evaluation.detection import evaluate_detectors

    check_task(models, "detection")
    detectors = {
        name: Detector(
            opened.model,
            info=opened.info,
            score_threshold=COCO_SCORE_THRESHOLD,
            workers=arguments.workers,
        )
        for name, opened in models.items()
    }
    results = evaluate_detectors(
        detectors, arguments.data, arguments.annotations, limit=arguments.limit
    )
    return {"annotations": arguments.annotations}, results


def run_segmenters(
    arguments: argparse.Namespace, models: Mapping[str, OpenedModel]
) -> Evaluated:
    """Settings for the report, and the results."""
    from keras_mobilevit.tflite.dense_prediction import Segmenter
    from keras_mobilevit.tflite.evaluation.candidates import check_task
    from keras_mobilevit.tflite.evaluation.segmentation import (
        evaluate_segmenters,
    )

    check_task(models, "segmentation")
    segmenters = {
        name: Segmenter(
            opened.model, info=opened.info, workers=arguments.workers
        )
        for name, opened in models.items()
    }
    results = evaluate_segmenters(
        segmenters,
        arguments.data,
        arguments.masks,
        ignore_label=arguments.ignore_label,
        limit=arguments.limit,
    )
    settings = {
        "masks": arguments.masks,
        "ignore_label": arguments.ignore_label,
    }
    return settings, results
