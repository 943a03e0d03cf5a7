#!/usr/bin/env python3
"""Names what is on pictures, with a .tflite file.

Example:
    python tools/classify.py cat.jpg --model mobilevit_xxs.tflite
"""

from __future__ import annotations

import argparse
import sys

from keras_mobilevit.tflite import ImageModel
from keras_mobilevit.tflite.interpreters import RUNTIMES


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--model", required=True, metavar="FILE.tflite")
    parser.add_argument("--top", type=int, default=5, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default=RUNTIMES[0],
        help=f"what runs the file (default: {RUNTIMES[0]})",
    )
    args = parser.parse_args(argv)
    try:
        model = ImageModel(args.model, args.threads, args.runtime)
        for path in args.images:
            print(path)
            for label, probability in model.classify(path, args.top):
                print(f"  {probability:6.1%}  {label}")
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
