#!/usr/bin/env python3
"""Draws how the channels of one activation differ in range, as PNG.

The plot also shows the step that they would share in int8: a channel whose
range is not far above it is lost. `keras-mobilevit report` lists the names of
the activations.

Example:
    python tools/lab/plot_channel_ranges.py float32.tflite --data DIR \
        --tensor stage2_ir1/expand/conv_2d -o channels.png
"""

from __future__ import annotations

import argparse
import sys

from channel_ranges import plot_channel_ranges


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("float_path", metavar="FLOAT.tflite")
    parser.add_argument(
        "--data", required=True, metavar="DIR|TAR", help="pictures"
    )
    parser.add_argument(
        "--tensor", required=True, metavar="NAME", help="of the activation"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=24,
        metavar="N",
        help="use at most N pictures (default: 24)",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE.png")
    args = parser.parse_args(argv)
    try:
        found = plot_channel_ranges(
            *(args.output, args.float_path, args.data, args.tensor),
            limit=args.limit,
        )
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    widths = found.width / found.step
    print(
        f"{found.tensor}: {len(widths)} channels, {widths.min():.1f} to "
        f"{widths.max():.0f} int8 steps wide, on {found.images} pictures"
    )
    print(f"wrote {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
