#!/usr/bin/env python3
"""Compares Keras models and .tflite files on a folder of labelled pictures.

Example:
    python tools/evaluate.py cifar10_test.tar \
        --model weights:cifar10 float32.tflite int8.tflite
"""

from __future__ import annotations

import argparse
import sys

import keras

from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.labels import class_names
from keras_mobilevit.named_models import open_model
from keras_mobilevit.tables import markdown_table
from keras_mobilevit.tflite import ImageModel, evaluate, inspect


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", metavar="DIR|TAR", help="<class>/<picture>")
    parser.add_argument(
        "--model",
        required=True,
        nargs="+",
        metavar="weights:NAME|FILE.keras|FILE.tflite",
        help="what to compare; the first is the reference",
    )
    parser.add_argument(
        "--labels",
        metavar="NAME",
        choices=WEIGHTS,
        default="cifar10",
        help="whose class names the folders carry",
    )
    parser.add_argument("--limit", type=int, metavar="N")
    args = parser.parse_args(argv)
    try:
        print(run(args))
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> str:
    results = evaluate(
        {name: open_any(name) for name in args.model},
        args.data,
        class_names(args.labels),
        crop_fraction=WEIGHTS[args.labels].crop_fraction,
        native_size=WEIGHTS[args.labels].native_size,
        limit=args.limit,
    )
    rows = []
    for name, result in results.items():
        size = nodes = ""
        if name.endswith(".tflite"):
            facts = inspect(name)
            size = f"{facts.size:,}"
            nodes = f"{facts.delegated}/{facts.nodes} in {facts.partitions}"
        rows.append(
            (
                name,
                f"{result.top1:.2%}",
                f"{result.agreement:.2%}",
                f"{result.sqnr:.1f}",
                size,
                nodes,
            )
        )
    images = next(iter(results.values())).images
    return f"{images:,} images\n" + markdown_table(
        ("model", "top-1", "agreement", "SQNR dB", "bytes", "delegated"), rows
    )


def open_any(name: str):
    if name.endswith(".tflite"):
        return ImageModel(name)
    if name.endswith(".keras"):
        return keras.saving.load_model(name, compile=False)
    weights = name.removeprefix("weights:")
    if weights not in WEIGHTS:
        raise ValueError(
            f"Expected weights:NAME with a name of {list(WEIGHTS)}, or a "
            f".keras or .tflite file. Received: {name}"
        )
    return open_model(WEIGHTS[weights].variants[0], weights).model


if __name__ == "__main__":
    sys.exit(main())
