#!/usr/bin/env python3
"""Compares Keras models and .tflite files on a folder of pictures.

Labels and preprocessing come from the models themselves. Classifiers: without
labels, as of a folder of pictures in no class folders, only agreement and SQNR
are told. Detectors are measured against annotations, by the metrics of COCO,
and networks for segmentation against masks, by the mean IoU.

Examples:
    python tools/evaluate.py cifar10_test.tar \
        --model weights:cifar10 float32.tflite int8.tflite --workers 2
    python tools/evaluate.py imagenet/val --labels folders \
        --model weights:imagenet:mobilevit_s int8.tflite --json result.json
    python tools/evaluate.py val2017 --annotations instances_val2017.json \
        --model ssdlite.weights.h5 ssdlite_int8.tflite
    python tools/evaluate.py camvid/test --masks camvid/testannot \
        --ignore-label 11 --model deeplab.weights.h5 deeplab_int8.tflite
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from keras_mobilevit.configs import IGNORE_LABEL
from keras_mobilevit.detection import COCO_SCORE_THRESHOLD
from keras_mobilevit.files import atomic_write
from keras_mobilevit.tflite import evaluate, inspect
from keras_mobilevit.tflite.dense import Detector, Segmenter
from keras_mobilevit.tflite.evaluation.candidates import (
    Candidate,
    check_task,
    common_settings,
    open_candidate,
    read_labels,
)
from keras_mobilevit.tflite.evaluation.detection import evaluate_detectors
from keras_mobilevit.tflite.evaluation.segmentation import evaluate_segmenters
from keras_mobilevit.tflite.evaluation.tables import to_record, to_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
        "--crop-fraction",
        type=float,
        metavar="SHARE",
        help="part of a picture's side to keep (default: as the models say)",
    )
    group.add_argument(
        "--native-size",
        type=int,
        metavar="PIXELS",
        help="side to reduce pictures to first, 0 for none (default: as the "
        "models say)",
    )

    group = parser.add_argument_group("detectors")
    group.add_argument(
        "--annotations",
        metavar="FILE.json",
        help="boxes in the format of COCO",
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
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    dense = args.annotations, args.masks
    preprocessing = args.labels, args.crop_fraction, args.native_size
    if all(dense) or (any(dense) and any(x is not None for x in preprocessing)):
        parser.error(
            "options of one kind of model only: see the groups of --help"
        )
    try:
        run(args)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    candidates = {name: open_candidate(name) for name in args.model}
    if args.annotations:
        settings, results = run_detectors(args, candidates)
    elif args.masks:
        settings, results = run_segmenters(args, candidates)
    else:
        settings, results = run_classifiers(args, candidates)
    files = {
        name: inspect(name) for name in results if name.endswith(".tflite")
    }
    print(to_table(results, files))
    (first, *_) = results.values()
    intervals = "" if args.annotations else "; in brackets 95 % intervals"
    print(f"\n{first.images:,} images{intervals}")
    if first.skipped:
        listed = ", ".join(first.skipped[:5])
        listed += ", ..." if first.skipped[5:] else ""
        print(f"{len(first.skipped):,} pictures could not be read: {listed}")
    if args.json:
        report = {
            "data": args.data,
            **settings,
            "models": {
                name: to_record(result, files.get(name))
                for name, result in results.items()
            },
        }
        text = json.dumps(report, indent=2, allow_nan=False)
        atomic_write(args.json, f"{text}\n".encode())


Evaluated = tuple[dict[str, Any], Mapping[str, Any]]


def run_classifiers(
    args: argparse.Namespace, candidates: Mapping[str, Candidate]
) -> Evaluated:
    """Settings for the report, and the results."""
    check_task(candidates, "classification")
    settings = common_settings(
        candidates,
        labels=read_labels(args.labels, args.data) if args.labels else None,
        crop_fraction=args.crop_fraction,
        native_size=args.native_size,
    )
    results = evaluate(
        {name: candidate.model for name, candidate in candidates.items()},
        args.data,
        **settings._asdict(),
        limit=args.limit,
        workers=args.workers,
    )
    return {
        "crop_fraction": settings.crop_fraction,
        "native_size": settings.native_size,
    }, results


def run_detectors(
    args: argparse.Namespace, candidates: Mapping[str, Candidate]
) -> Evaluated:
    """Likewise."""
    check_task(candidates, "detection")
    detectors = {
        name: Detector(
            candidate.model,
            candidate.labels or (),
            score_threshold=COCO_SCORE_THRESHOLD,
            workers=args.workers,
        )
        for name, candidate in candidates.items()
    }
    results = evaluate_detectors(
        detectors, args.data, args.annotations, limit=args.limit
    )
    return {"annotations": args.annotations}, results


def run_segmenters(
    args: argparse.Namespace, candidates: Mapping[str, Candidate]
) -> Evaluated:
    """Likewise."""
    check_task(candidates, "segmentation")
    segmenters = {
        name: Segmenter(
            candidate.model, candidate.labels or (), workers=args.workers
        )
        for name, candidate in candidates.items()
    }
    results = evaluate_segmenters(
        segmenters,
        args.data,
        args.masks,
        ignore_label=args.ignore_label,
        limit=args.limit,
    )
    settings = {"masks": args.masks, "ignore_label": args.ignore_label}
    return settings, results


if __name__ == "__main__":
    sys.exit(main())
