#!/usr/bin/env python3
"""Runs .tflite files on emulated Arm64 cores and compares with this machine.

qemu and an Arm64 Python are unpacked into a cache folder; nothing is
installed. Needs Debian's apt, and the network the first time.

Examples:
    python tools/lab/check_arm64.py float32.tflite int8.tflite
    python tools/lab/check_arm64.py int8.tflite --cores cortex-a53 \
        --require-identical
    python tools/lab/check_arm64.py *.tflite --count-instructions --build-qemu
"""

from __future__ import annotations

import argparse
import sys

from arm64 import (
    CORES,
    as_json,
    as_tables,
    check_files,
    check_request,
    default_cache,
    prepare,
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE.tflite")
    parser.add_argument(
        "--cores",
        nargs="+",
        default=CORES,
        metavar="CORE",
        help="as `qemu-aarch64 -cpu help` lists them (default: "
        f"{' '.join(CORES)})",
    )
    parser.add_argument(
        "--images",
        type=int,
        default=3,
        metavar="N",
        help="random inputs to compare on (default: 3)",
    )
    parser.add_argument(
        "--input-range",
        nargs=2,
        type=float,
        default=(0.0, 255.0),
        metavar=("LOW", "HIGH"),
        help="of float inputs (default: 0 255, as this project's files take)",
    )
    parser.add_argument(
        "--require-identical",
        action="store_true",
        help="fail if a file of 8-bit integers differs in a single bit",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        help=f"where the Arm64 machine is kept (default: {default_cache()})",
    )
    counting = parser.add_argument_group("counting instructions")
    counting.add_argument("--count-instructions", action="store_true")
    counting.add_argument(
        "--build-qemu",
        action="store_true",
        help="build a qemu that can count, once: minutes, needs gcc",
    )
    counting.add_argument(
        "--qemu", metavar="PATH", help="a qemu-aarch64 of version 10 or newer"
    )
    counting.add_argument(
        "--plugin",
        metavar="PATH.so",
        help="tools/lab/arm64/instructions.c, built for that qemu",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        check_request(args.files, args.cores)
        emulator = prepare(
            args.cache,
            qemu=args.qemu,
            plugin=args.plugin,
            counting=args.count_instructions,
            build=args.build_qemu,
        )
        low, high = args.input_range
        results = check_files(
            args.files,
            emulator,
            args.cores,
            images=args.images,
            low=low,
            high=high,
        )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(as_json(results) if args.json else as_tables(results))
    differing = [
        f"{result.file} on {result.core}"
        for result in results
        if result.integer and result.identical < result.images
    ]
    if args.require_identical and differing:
        print(
            f"error: not bit-identical: {', '.join(differing)}",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
