#!/usr/bin/env python3
"""Measures all variants of all architectures and plots published accuracies.

Example:
    python tools/lab/benchmark_variants.py --out build/variants \
        --plot notebooks/figures/variants.svg
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from keras_mobilevit.architectures import variants
from keras_mobilevit.cli.quiet import only_our_output
from variant_benchmark import measure, to_plot, to_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        required=True,
        metavar="DIR",
        help="files that are there already are not exported again",
    )
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=variants(),
        default=list(variants()),
        metavar="NAME",
    )
    parser.add_argument("--runs", type=int, default=60, metavar="N")
    parser.add_argument("--warmup", type=int, default=5, metavar="N")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.svg")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    with only_our_output():
        rows = measure(args.variants, args.out, args.runs, args.warmup)
        print(to_table(rows))
        if args.plot:
            args.plot.write_text(to_plot(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
