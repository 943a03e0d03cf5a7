#!/usr/bin/env python3
"""Finds objects on pictures, and draws their boxes.

Examples:
    python tools/detect.py street.jpg --model ssdlite.tflite -o found.jpg
    python tools/detect.py *.jpg --model ssdlite.weights.h5 --score 0.5 -o DIR
"""

from __future__ import annotations

import argparse
import sys

from keras_mobilevit.detection import draw_detections
from keras_mobilevit.images import open_image
from keras_mobilevit.tflite.dense import Detector
from keras_mobilevit.tflite.dense.output import output_paths, save_picture
from keras_mobilevit.tflite.evaluation.candidates import open_candidate


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument(
        "--model",
        required=True,
        metavar="FILE|weights:NAME[:VARIANT]",
        help="a .weights.h5, .keras or .tflite file",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help="draw the boxes there; several pictures go into a folder",
    )
    parser.add_argument(
        "--score",
        type=float,
        default=0.3,
        metavar="SHARE",
        help="tell boxes of higher scores only (default: %(default)s)",
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="input of a model that takes any",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        run(args)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    targets = [None] * len(args.images)
    if args.output:
        targets = output_paths(args.images, args.output)
    candidate = open_candidate(args.model)
    detector = Detector(
        candidate.model,
        candidate.labels or (),
        size=tuple(args.size) if args.size else None,
        score_threshold=args.score,
    )
    for path, target in zip(args.images, targets, strict=True):
        detections = detector.detect(path)
        print(path)
        for detection in detections:
            box = ", ".join(f"{side:.0f}" for side in detection.box)
            print(f"  {detection.score:6.1%}  {detection.name}  ({box})")
        if not detections:
            print(f"  nothing above {args.score:.0%}")
        if target:
            save_picture(draw_detections(open_image(path), detections), target)


if __name__ == "__main__":
    sys.exit(main())
