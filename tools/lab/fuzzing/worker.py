"""A process that reads damaged files, one after the other.

It gets a line `KIND<tab>PATH` for each, and answers with a line of JSON. Its
memory is limited; time is the business of who asks.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping

import numpy as np

MAX_BYTES = 2 * 10**9


def _read_checkpoint(path):
    from keras_mobilevit import checkpoints
    from keras_mobilevit.checkpoints.output_stride import read_output_stride

    return (
        lambda: checkpoints.file_kind(path),
        lambda: checkpoints.read_info(path),
        lambda: read_output_stride(path),
        lambda: checkpoints.identify(path),
    )


def _read_keras(path):
    from keras_mobilevit.opening import open_model

    return *_read_checkpoint(path), lambda: open_model(path)


def _read_tflite(path):
    from keras_mobilevit.tflite import ImageModel, inspect

    def predict():
        model = ImageModel(path)
        model.predict(np.zeros(model.shape, np.uint8))

    return lambda: inspect(path), predict


def _read_image(path):
    from keras_mobilevit.images import load_image

    return (lambda: load_image(path, (32, 32)),)


def _read_annotations(path):
    from keras_mobilevit.detection import read_annotations

    return (lambda: read_annotations(path),)


@functools.cache
def _pictures():
    """Folder of the pictures that the annotations of the samples are of."""
    from PIL import Image

    # It goes when the process ends.
    folder = tempfile.TemporaryDirectory()
    for i in range(8):
        Image.new("L", (64, 48)).save(f"{folder.name}/{i}.jpg")
    return folder


def _read_boxes(path):
    from keras_mobilevit.detection import read_annotations

    return (lambda: read_annotations(path, _pictures().name),)


def _read_yolo(path):
    from keras_mobilevit.detection import read_annotations

    def read():
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(path, folder)
            read_annotations(folder, _pictures().name)

    return (read,)


def _read_recipe(path):
    from keras_mobilevit.training.recipe import load_recipe

    return (lambda: load_recipe(path),)


def _read_tar(path):
    from keras_mobilevit.image_folders import iterate_files
    from keras_mobilevit.tflite.quantization.calibration_set import (
        calibration_set,
    )

    steps = (
        lambda: list(iterate_files(path)),
        lambda: calibration_set(path, (32, 32, 3)),
    )
    # To train from, it must not be compressed.
    if path.endswith(".tar"):
        return *steps, lambda: _open_all(path)
    return steps


@functools.cache
def _shards():
    """Folder of the shards that the samples are a part of."""
    from fuzzing.packed_images import write_shards

    # It goes when the process ends.
    folder = tempfile.TemporaryDirectory()
    write_shards(pathlib.Path(folder.name))
    return folder


def _read_shards(path):
    def read():
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(_shards().name, folder, dirs_exist_ok=True)
            shutil.copy(path, folder)
            _open_all(folder)

    return (read,)


def _open_all(path):
    from keras_mobilevit.training.sources import open_source

    source = open_source(path)
    for index in range(len(source)):
        source.open(index)


# Kind -> the steps of reading a file of it. Each runs, whatever the others do.
READERS: Mapping[str, Callable[[str], tuple[Callable[[], object], ...]]] = {
    "h5": _read_checkpoint,
    "weights.h5": _read_checkpoint,
    "keras": _read_keras,
    "torch": _read_checkpoint,
    "safetensors": _read_checkpoint,
    "tflite": _read_tflite,
    "image": _read_image,
    "annotations": _read_annotations,
    "voc": _read_boxes,
    "csv": _read_boxes,
    "yolo": _read_yolo,
    "recipe": _read_recipe,
    "tar": _read_tar,
    "shards": _read_shards,
}
# Nothing derived from them: a bare `UnicodeDecodeError` helps nobody.
DOCUMENTED = (ValueError, OSError, FileNotFoundError)


def read(kind: str, path: str) -> dict[str, str]:
    """Reads a file in all ways, and says what was raised.

    Returns:
        `error`: name of the first error that is not documented, or else of
        the first one, or empty; `message`; and `documented`.
    """
    first = {"error": "", "message": "", "documented": True}
    for step in READERS[kind](path):
        try:
            step()
        except Exception as error:
            documented = type(error) in DOCUMENTED and bool(str(error))
            if not first["error"] or not documented:
                first = {
                    "error": type(error).__name__,
                    "message": str(error)[:300],
                    "documented": documented,
                }
            if not documented:
                break
    return first


def main() -> None:
    # What libraries print must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kinds = set()
    for line in sys.stdin:
        kind, _, path = line.rstrip("\n").partition("\t")
        if kind not in kinds:
            # A whole file comes first, and loads libraries.
            kinds.add(kind)
            _set_limit(resource.RLIM_INFINITY)
        else:
            _set_limit(_used_bytes() + MAX_BYTES)
        print(json.dumps(read(kind, path)), file=answers, flush=True)


def _used_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _set_limit(limit):
    highest = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit, highest))


if __name__ == "__main__":
    main()
