#!/usr/bin/env python3
"""Files for the tests of `litert-host` and `app`, with Python's answers.

`host_build.py` runs it, after `export_bundled_models.py`. In DIR it writes
`engine/NAME.tflite` and, of these, `NAME.output`, the raw bytes that Python's
interpreter gives for the self-test's input; `photo.png` and, of models,
`NAME.top.json`. A second run with the same sources has nothing to do.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import shutil
import sys

import numpy as np

# tools/ is no package.
APP = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(APP.parents[1]))

import demo  # noqa: E402
import export_bundled_models as bundled  # noqa: E402
from golden_values import stamps  # noqa: E402

from keras_mobilevit import tflite  # noqa: E402
from keras_mobilevit.cli.quiet import only_our_output  # noqa: E402
from keras_mobilevit.tflite.flatbuffer import (  # noqa: E402
    constant,
    op_name,
    read_model,
)
from keras_mobilevit.tflite.interpreters import make_interpreter  # noqa: E402
from keras_mobilevit.tflite.self_test_values import self_test_input  # noqa: E402

PHOTO = "chelsea.png"
SOURCES = (*bundled.SOURCES, (APP, "fixtures.py"))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, metavar="DIR")
    folder = parser.parse_args(argv).folder
    with only_our_output():
        stamps.make(folder / "engine", SOURCES, write_all)
    return 0


def write_all(folder: pathlib.Path) -> None:
    for path in bundled.bundled_files():
        shutil.copy(path, folder / f"{path.stem.rsplit('_', 1)[-1]}.tflite")
    export_variants(folder)
    alter_weight(folder / "int8.tflite", folder / "altered.tflite")
    for name in ("float32", "int8", "int8_full"):
        write_output(folder / f"{name}.tflite")
    shutil.copy(demo.photo_path(PHOTO), folder / "photo.png")
    for name in bundled.RECIPES:
        write_top(folder / f"{name}.tflite", folder / "photo.png")


def export_variants(folder: pathlib.Path) -> None:
    """Files with int8 and with uint8 inputs and outputs."""
    full = tflite.find_recipe("int8_full")
    recipes = {
        "int8_full": full,
        "uint8": dataclasses.replace(
            full, name="uint8", input_type="uint8", output_type="uint8"
        ),
    }
    for name, path in zip(
        recipes, demo.export_files(folder, recipes), strict=True
    ):
        path.replace(folder / f"{name}.tflite")


def alter_weight(source: pathlib.Path, target: pathlib.Path) -> None:
    """Turns the largest weight of the first convolution into its opposite.

    The file stays well formed, and only its self-test notices.
    """
    data = bytearray(source.read_bytes())
    weights = first_weights(bytes(data))
    start = data.find(weights.tobytes())
    index = int(np.argmax(np.abs(weights.astype(int))))
    altered = -int(weights.flat[index])
    data[start + index] = min(altered, 127) & 0xFF
    target.write_bytes(data)
    if tflite.check_self_test(target).passed:
        raise RuntimeError(f"{target} passes its self-test")


def first_weights(data: bytes) -> np.ndarray:
    model = read_model(data)
    (graph,) = model.subgraphs
    operator = next(
        op for op in graph.operators if op_name(model, op) == "CONV_2D"
    )
    return constant(model, graph, operator.inputs[1])


def write_output(path: pathlib.Path) -> None:
    interpreter = make_interpreter(path, 1)
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    pixels = self_test_input(tuple(source["shape"][1:].tolist()))[None]
    shift = -128 if source["dtype"].__name__ == "int8" else 0
    interpreter.set_tensor(
        source["index"], (pixels.astype(int) + shift).astype(source["dtype"])
    )
    interpreter.invoke()
    path.with_suffix(".output").write_bytes(
        interpreter.get_tensor(result["index"]).tobytes()
    )


def write_top(path: pathlib.Path, photo: pathlib.Path) -> None:
    top = tflite.ImageModel(path).classify(photo, top=5)
    path.with_suffix(".top.json").write_text(
        json.dumps([[label, float(score)] for label, score in top])
    )


if __name__ == "__main__":
    sys.exit(main())
