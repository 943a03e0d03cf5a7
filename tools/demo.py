#!/usr/bin/env python3
"""Exports the embedded checkpoint three ways and classifies a real photo.

`make demo` installs what this needs and runs it. The photos are those that
scikit-image ships; the cat (Chelsea, CC0 by Stefan van der Walt) is classified
and takes no part in calibration.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import platform
import sys
import tempfile
from collections.abc import Mapping

import numpy as np

import keras_mobilevit
from keras_mobilevit import tflite
from keras_mobilevit.cli.quiet import only_our_output
from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.images import random_crops
from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.progress import progress_lines

CALIBRATION_PHOTOS = (
    "astronaut.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "retina.jpg",
)
CROPS = 20
INFO = dataclasses.replace(
    WEIGHTS["cifar10"].info, architecture="mobilevit", variant="mobilevit_xxs"
)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="keep the .tflite files here (default: a temporary folder)",
    )
    parser.add_argument("--runs", type=int, default=200, metavar="N")
    args = parser.parse_args(argv)
    with (
        only_our_output(),
        progress_lines(),
        tempfile.TemporaryDirectory() as folder,
    ):
        run(pathlib.Path(args.out or folder), args.runs)
    return 0


def export_files(folder: pathlib.Path, recipes: Mapping) -> list[pathlib.Path]:
    """Exports the embedded checkpoint, calibrated on photos.

    Args:
        folder: Where to write `mobilevit_xxs_cifar10_NAME.tflite`.
        recipes: NAME -> recipe or its name.

    Returns:
        The files, in the order of `recipes`.
    """
    model = keras_mobilevit.MobileViTXXS(weights="cifar10")
    calibration = [
        crop
        for name in CALIBRATION_PHOTOS
        for crop in random_crops(
            photo(name),
            CROPS,
            model.input_shape[1:3],
            pre_resize=INFO.image.pre_resize,
        )
    ]
    return tflite.export_recipes(
        model,
        {
            folder / f"mobilevit_xxs_cifar10_{name}.tflite": recipe
            for name, recipe in recipes.items()
        },
        calibration=calibration,
        info=INFO,
    )


def run(folder: pathlib.Path, runs: int) -> None:
    size = INFO.image.size
    paths = export_files(
        folder, {name: name for name in ("float32", "float16", "int8")}
    )

    cat = photo_path("chelsea.png")
    print(f"MobileViT-XXS, trained on CIFAR-10, {size[0]}x{size[1]} pixels")
    print(f"int8 on {cat.name}, a photo of a cat:")
    for label, probability in tflite.ImageModel(paths[-1]).classify(cat, top=3):
        print(f"  {probability:6.1%}  {label}")

    crops = random_crops(
        photo("chelsea.png"),
        5 * CROPS,
        size,
        seed=1,
        pre_resize=INFO.image.pre_resize,
    )
    rows = [
        (
            path.stem.rsplit("_", 1)[-1],
            f"{row.inspection.size / 1e6:.2f}",
            f"{row.milliseconds:.2f}",
            f"{row.speedup:.2f}",
            f"{row.agreement:.0%}",
            f"{row.inspection.delegated}/{row.inspection.nodes} "
            f"in {row.inspection.partitions}",
        )
        for path, row in zip(
            paths, tflite.compare(paths, crops, runs=runs), strict=True
        )
    ]
    print()
    print(
        markdown_table(
            ("file", "MB", "ms", "speed-up", "agreement", "XNNPACK nodes"),
            rows,
        )
    )
    print(
        f"\nMedian of {runs} interleaved runs, 1 thread, "
        f"{platform.machine()}; agreement with float32 on {len(crops)} crops "
        f"of the cat."
    )


def photo_path(name: str) -> pathlib.Path:
    skimage = import_optional("skimage", extra="demo")
    return pathlib.Path(skimage.__file__).parent / "data" / name


def photo(name: str) -> np.ndarray:
    image_module = import_optional("PIL.Image", extra="tflite")
    with image_module.open(photo_path(name)) as image:
        return np.asarray(image.convert("RGB"))


if __name__ == "__main__":
    sys.exit(main())
