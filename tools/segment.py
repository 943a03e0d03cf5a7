#!/usr/bin/env python3
"""Finds the class of each pixel of pictures, and draws masks over them.

Examples:
    python tools/segment.py street.jpg --model deeplab.tflite -o seen.jpg
    python tools/segment.py *.jpg --model deeplab.weights.h5 -o DIR
"""

from __future__ import annotations

import argparse
import sys

from picture_arguments import picture_parser

from keras_mobilevit.images import open_image
from keras_mobilevit.segmentation.legend import class_shares, named_overlay
from keras_mobilevit.tflite.dense import Segmenter
from keras_mobilevit.tflite.dense.output import output_paths, save_picture
from keras_mobilevit.tflite.evaluation.candidates import open_candidate


def main(argv: list[str] | None = None) -> int:
    parser = picture_parser(__doc__, drawn="masks")
    parser.add_argument(
        "--opacity",
        type=float,
        default=0.6,
        metavar="SHARE",
        help="of the colours (default: %(default)s)",
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
    segmenter = Segmenter(
        candidate.model,
        candidate.labels or (),
        size=tuple(args.size) if args.size else None,
    )
    labels = segmenter.labels
    for path, target in zip(args.images, targets, strict=True):
        mask = segmenter.segment(path)
        print(path)
        for class_id, share in class_shares(mask).items():
            print(f"  {share:6.1%}  {labels[class_id] if labels else class_id}")
        if target:
            drawn = named_overlay(open_image(path), mask, labels, args.opacity)
            save_picture(drawn, target)


if __name__ == "__main__":
    sys.exit(main())
