#!/usr/bin/env python3
"""Runs .tflite files in other runtimes and compares with LiteRT here.

Each runtime is installed by pip into a virtual environment of its own below
--cache.

Examples:
    python tools/lab/check_runtime.py model.tflite \
        --runtime tflite-runtime==2.14.0
    python tools/lab/check_runtime.py *.tflite --float float32.tflite \
        --runtime ai-edge-litert==1.4.0 tflite-runtime==2.14.0 --data DIR
"""

from __future__ import annotations

import argparse
import sys

from keras_mobilevit.atomic_files import atomic_write
from runtime_trials.check_report import as_json, as_table
from runtime_trials.runtime_check import check_runtimes
from runtime_trials.runtimes import install_runtime
from virtual_environments import user_cache


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE.tflite")
    parser.add_argument(
        "--runtime",
        required=True,
        nargs="+",
        metavar="NAME==VERSION",
        help="releases of tflite-runtime or ai-edge-litert",
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="PROGRAM",
        help="install them for this Python (default: the one that runs this); "
        "tflite-runtime 2.14.0 needs 3.9 to 3.11",
    )
    parser.add_argument(
        "--cache",
        default=user_cache("runtimes"),
        metavar="DIR",
        help="where they are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        metavar="DIR|TAR",
        help="pictures to compare on (default: blocks of colour)",
    )
    parser.add_argument(
        "--images",
        type=int,
        default=20,
        metavar="N",
        help="number of them (default: 20)",
    )
    parser.add_argument(
        "--float",
        metavar="FILE.tflite",
        help="the float32 file of the same network, to compare with too",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=50,
        metavar="N",
        help="timed inferences of each (default: 50)",
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        checks = check_runtimes(
            args.files,
            [
                install_runtime(name, args.cache, args.python)
                for name in args.runtime
            ],
            args.data,
            images=args.images,
            float_file=args.float,
            runs=args.runs,
        )
        if args.json:
            atomic_write(args.json, as_json(checks).encode())
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(as_table(checks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
