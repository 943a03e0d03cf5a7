#!/usr/bin/env python3
"""Times .tflite files against each other, in turn and in one process.

Example:
    python tools/benchmark.py float32.tflite int8.tflite --threads 2
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib import metadata

from keras_mobilevit.tables import markdown_table
from keras_mobilevit.tflite import inspect, measure_latency


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE.tflite")
    parser.add_argument("--runs", type=int, default=200, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    args = parser.parse_args(argv)
    try:
        latencies = measure_latency(args.files, args.runs, args.threads)
        facts = [inspect(path) for path in args.files]
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rows = [
        (
            path,
            f"{fact.size:,}",
            f"{fact.delegated}/{fact.nodes} in {fact.partitions}",
            f"{latency:.2f}",
            f"{latencies[0] / latency:.2f}",
        )
        for path, fact, latency in zip(
            args.files, facts, latencies, strict=True
        )
    ]
    print(
        markdown_table(
            ("file", "bytes", "XNNPACK nodes", "median ms", "speed-up"), rows
        )
    )
    print(
        f"\n{args.runs} interleaved runs, {args.threads} thread(s), "
        f"ai-edge-litert {metadata.version('ai-edge-litert')}, "
        f"{platform.machine()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
