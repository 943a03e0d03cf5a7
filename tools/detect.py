#!/usr/bin/env python3
"""Finds objects on pictures, and draws their boxes.

Examples:
    python tools/detect.py street.jpg --model ssdlite.tflite -o found.jpg
    python tools/detect.py *.jpg --model ssdlite.weights.h5 --score 0.5 -o DIR
"""

from __future__ import annotations

import argparse
import sys

from picture_arguments import picture_parser

from keras_mobilevit.detection import draw_detections
from keras_mobilevit.images import open_image
from keras_mobilevit.tflite.dense import Detector
from keras_mobilevit.tflite.dense.output import output_paths, save_picture
from keras_mobilevit.tflite.evaluation.candidates import open_candidate


def main(argv: list[str] | None = None) -> int:
    parser = picture_parser(__doc__, drawn="boxes")
    parser.add_argument(
        "--score",
        type=float,
        default=0.3,
        metavar="SHARE",
        help="tell boxes of higher scores only (default: %(default)s)",
    )
    args = parser.parse_args(argv)
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
