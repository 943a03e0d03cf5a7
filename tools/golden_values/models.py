"""Exported files, what they say of themselves, and what they answer."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import sys

import numpy as np

import keras_mobilevit
from golden_values.writing import write_array, write_json
from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.images import load_input
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.pixel_scaling import scaling_of
from keras_mobilevit.predictors import Classifier
from keras_mobilevit.tflite import (
    Detector,
    Recipe,
    Segmenter,
    export_recipes,
    find_recipe,
)
from keras_mobilevit.tflite.flatbuffer import (
    constant,
    op_name,
    read_model,
    set_constant,
    write_model,
)
from keras_mobilevit.tflite.interpreters import make_interpreter
from keras_mobilevit.tflite.metadata import append_metadata, read_metadata
from keras_mobilevit.tflite.runtime import named_outputs, quantize_pixels
from keras_mobilevit.tflite.self_test import check_self_test
from keras_mobilevit.tflite.self_test_values import self_test_input

# (height, width) of the picture that classifiers and detectors get.
PICTURE = (75, 53)
SCORE_THRESHOLD = 0.3


def write(folder: pathlib.Path, test_models: pathlib.Path) -> None:
    """Writes `models/`: files, for each NAME.json, and tensors as bytes.

    Args:
        folder: To write into.
        test_models: Folder with the models and pictures of the tests.
    """
    sys.path.insert(0, str(test_models))
    folder = folder / "models"
    folder.mkdir()
    export(folder)
    for path in sorted((test_models / "files").glob("*.tflite")):
        shutil.copy(path, folder)
    alter(folder / "classifier_int8.tflite", folder / "altered.tflite")
    free_batch(folder / "classifier_float32.tflite", folder / "dynamic.tflite")
    for path in sorted(folder.glob("*.tflite")):
        describe(path)
    spoil(folder)


def export(folder: pathlib.Path) -> None:
    """The embedded checkpoint, and small detectors and segmenters."""
    from small_model import make_images
    from tiny_dense import (
        DENSE_SIZE,
        OBJECTS,
        REGIONS,
        make_tiny_detector,
        make_tiny_segmenter,
    )
    from tiny_model import TINY_SIZE, make_tiny_model

    info = WEIGHTS["cifar10"].info
    classifier = keras_mobilevit.MobileViTXXS(weights="cifar10")
    tiny = make_tiny_model()
    detector, segmenter = make_tiny_detector(), make_tiny_segmenter()
    objects, regions = {"labels": OBJECTS}, {"labels": REGIONS}
    for model, name, recipes, options, size in (
        (classifier, "classifier", "float32 int8", {"info": info}, (96, 96)),
        (tiny, "tiny", "int8_full", {}, TINY_SIZE),
        (detector, "raw", "int8", objects, DENSE_SIZE),
        (detector, "nms", "float32", objects, DENSE_SIZE),
        (segmenter, "logits", "float32 int8", regions, DENSE_SIZE),
        (segmenter, "mask", "int8", regions, DENSE_SIZE),
    ):
        head = {} if name in ("classifier", "tiny") else {"output_head": name}
        export_recipes(
            model,
            {folder / f"{name}_{r}.tflite": quick(r) for r in recipes.split()},
            calibration=make_images(10, size, seed=1),
            min_sqnr=None,
            **options,
            **head,
        )


def quick(name: str) -> Recipe:
    """A recipe without what only makes files more accurate, in minutes."""
    return dataclasses.replace(
        find_recipe(name),
        balance_channels=False,
        moment_rounding=False,
        sequential_bias=False,
    )


def alter(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes a file again, with the sign of one weight changed."""
    model = read_model(source.read_bytes())
    (graph,) = model.subgraphs
    convolution = next(
        op for op in graph.operators if op_name(model, op) == "CONV_2D"
    )
    index = convolution.inputs[1]
    weights = constant(model, graph, index).copy()
    largest = np.abs(weights.astype(int)).argmax()
    weights.ravel()[largest] = -weights.ravel()[largest]
    set_constant(model, graph, index, weights)
    target.write_bytes(
        append_metadata(write_model(model), read_metadata(source))
    )


def free_batch(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes a file again, with a batch that may change."""
    model = read_model(source.read_bytes())
    (graph,) = model.subgraphs
    for index in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[index]
        tensor.shapeSignature = [-1, *tensor.shape[1:]]
    target.write_bytes(
        append_metadata(write_model(model), read_metadata(source))
    )


def spoil(folder: pathlib.Path) -> None:
    """Files that must be refused, in `models/refused/`."""
    refused = folder / "refused"
    refused.mkdir()
    path = folder / "classifier_int8.tflite"
    data = path.read_bytes()
    end_of_graph = data.index(b"PK\x03\x04")
    files = {
        "empty": b"",
        "text": b"This is no model.",
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "foreign": write_model(read_model(data)),
        "cut": data[: len(data) * 2 // 3],
        "cut_archive": data[:-30],
        "no_graph": data[end_of_graph:],
        "other_description": data.replace(b'"task": "class', b'"task": "klass'),
        "newer": append_metadata(
            write_model(read_model(data)), ModelInfo()
        ).replace(b'"schema_version": 2', b'"schema_version": 3'),
    }
    for name, content in files.items():
        (refused / f"{name}.tflite").write_bytes(content)


# === What a file says and answers ===


def describe(path: pathlib.Path) -> None:
    """Writes what other languages shall read from a file, and its answers."""
    folder = path.parent / path.stem
    folder.mkdir()
    info = read_metadata(path)
    interpreter = make_interpreter(path)
    (details,) = interpreter.get_input_details()
    outputs = named_outputs(interpreter)
    facts = {
        "info": json.loads(info.to_json()),
        "input": _tensor("image", details),
        "outputs": [_tensor(name, d) for name, d in outputs.items()],
        "signature": next(iter(interpreter.get_signature_list())),
    }
    _, height, width, channels = details["shape"].tolist()
    if info.self_test:
        result = check_self_test(path)
        facts["self_test"] = {
            "verdict": result.verdict,
            "expected": result.expected,
            "passed": result.passed,
            "runtime": result.runtime,
            "outputs": {
                name: dataclasses.asdict(check)
                for name, check in result.outputs.items()
            },
        }
        pixels = self_test_input((height, width, channels))
        scaling = scaling_of(info.image)
        values = quantize_pixels(
            scaling.apply(pixels)[None], details, scaling.is_identity
        )
        _run(interpreter, values, folder, "self_test")
    picture, facts["prediction"] = _predict(path, info, (height, width))
    facts["picture_shape"] = picture.shape
    write_array(folder / "picture.rgb", picture)
    pixels = load_input(picture, (height, width), info.image, channels)
    _run(interpreter, quantize_pixels(pixels[None], details), folder, "picture")
    write_json(path.with_suffix(".json"), facts)


def _tensor(name, details):
    scale, zero_point = details["quantization"]
    return {
        "name": name,
        "dtype": np.dtype(details["dtype"]).name,
        "shape": details["shape"].tolist(),
        "scale": scale or None,
        "zero_point": zero_point,
    }


def _run(interpreter, values, folder, name):
    """Writes an input, and what the file gives for it."""
    (details,) = interpreter.get_input_details()
    write_array(folder / f"{name}.input", values)
    interpreter.set_tensor(details["index"], values)
    interpreter.invoke()
    for output, found in named_outputs(interpreter).items():
        values = interpreter.get_tensor(found["index"])
        write_array(folder / f"{name}.{output}", values)


def _predict(path, info, size):
    """A picture, and what the package's own predictor says of it."""
    from small_model import make_images

    if info.task == "segmentation":
        # Others give masks at the size of the input.
        picture = make_images(3, size, seed=5)[1]
        mask = Segmenter(path).segment(picture)
        write_array(path.parent / path.stem / "mask", mask)
        return picture, None
    picture = make_images(3, PICTURE, seed=5)[1]
    if info.task == "classification":
        found = Classifier(path).classify(picture, top=100)
        return picture, [list(prediction) for prediction in found]
    detector = Detector(path, score_threshold=SCORE_THRESHOLD)
    return picture, [
        {"label": found.name, "score": found.score, "box": found.box}
        for found in detector.detect(picture)
    ]
