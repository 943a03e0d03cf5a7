r"""Packs labelled images into shards, for data sets as large as ImageNet.

IN is a folder or tar of <class>/<image>, or a folder of such tars. DIR gets
tars, with the files of the images as they are, and an index of them. `train`
opens a million images in a second, and reads them in the same order as from IN.
DIR appears when all is in it.

Examples:
    keras-mobilevit pack imagenet/train --out shards/train
    keras-mobilevit pack imagenet/val --out shards/test
    keras-mobilevit train --recipe imagenet --data shards --out runs/imagenet
"""

from __future__ import annotations

import argparse

HELP = "pack labelled pictures into shards"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help="folder or tar to read")
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="folder to write, which must be new or empty",
    )
    parser.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help="number of tars (default: one for each 10,000 images)",
    )


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.training.packing import pack

    packed = pack(arguments.source, arguments.out, shards=arguments.shards)
    print(
        f"wrote {packed.images:,} images of {packed.classes:,} classes, "
        f"{packed.bytes / 1e6:,.1f} MB, into {arguments.out} "
        f"({packed.shards:,} shards)"
    )
    return 0
