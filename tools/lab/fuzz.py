#!/usr/bin/env python3
"""Reads damaged files of every kind, and shows what came of it.

Bits are flipped, ends cut off, bytes inserted or repeated. No file may end the
process, take more than 20 seconds or 2 GB, or raise what is not documented.

Examples:
    python tools/lab/fuzz.py --count 250 --seed 7
    python tools/lab/fuzz.py h5 keras --keep failures
"""

from __future__ import annotations

import argparse
import os
import sys

from fuzzing.campaign import TIMEOUT_S, as_table, run_campaign
from fuzzing.samples import SAMPLES


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help=f"of {', '.join(SAMPLES)} (default: all)",
    )
    parser.add_argument(
        "--count",
        type=int,
        default=100,
        metavar="N",
        help="files of each kind (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_S,
        metavar="SECONDS",
        help="longest time for a file (default: %(default)s)",
    )
    parser.add_argument(
        "--keep", metavar="DIR", help="keep the files that fail"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    unknown = [kind for kind in args.kinds if kind not in SAMPLES]
    if unknown:
        parser.error(f"KIND must be of {list(SAMPLES)}. Received: {unknown}")
    cases = run_campaign(
        args.kinds or list(SAMPLES),
        count=args.count,
        seed=args.seed,
        workers=args.workers,
        timeout_s=args.timeout,
        keep=args.keep,
    )
    print(as_table(cases))
    failed = [case for case in cases if not case.passed]
    for case in failed:
        print(
            f"{case.kind} {case.number}: {case.outcome} {case.message}",
            file=sys.stderr,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
