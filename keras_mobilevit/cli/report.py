r"""Writes a report on a quantized .tflite file: one HTML page, and Markdown.

Size, speed, delegation, accuracy, the SQNR of every layer, and the operations
that make most noise, with histograms of their values.

Example:
    keras-mobilevit report int8.tflite --float float32.tflite \
        --data cifar10_test.tar --limit 1000 -o report.html
"""

from __future__ import annotations

import argparse

HELP = "write a report on a quantized .tflite file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("quantized", metavar="QUANTIZED.tflite")
    parser.add_argument(
        "--float",
        required=True,
        dest="reference",
        metavar="FLOAT.tflite",
        help="the float32 file of the same model",
    )
    parser.add_argument(
        "--data", metavar="DIR|TAR", help="<class>/<picture>, for the accuracy"
    )
    parser.add_argument(
        "--images",
        metavar="DIR|TAR",
        help="pictures to compare the tensors on (default: --data)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="use at most N pictures"
    )
    parser.add_argument("--runs", type=int, default=100, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument(
        "--results",
        nargs="+",
        default=[],
        metavar="FILE.json",
        help="what `keras-mobilevit benchmark --android -o` or the app "
        "measured of the same two files, on phones or other machines",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE.html")


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.tflite.report.write import write_report

    paths = write_report(
        arguments.output,
        arguments.quantized,
        arguments.reference,
        data=arguments.data,
        images=arguments.images,
        limit=arguments.limit,
        runs=arguments.runs,
        num_threads=arguments.threads,
        results=arguments.results,
    )
    print("wrote", " and ".join(map(str, paths)))
    return 0
