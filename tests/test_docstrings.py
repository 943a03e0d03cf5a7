"""Every public docstring has an example, and the examples run."""

import doctest
import importlib
import inspect
import json
import pathlib
import pkgutil
import shutil
import types

import numpy as np
import pytest
from PIL import Image
from tiny_model import make_tiny_model

import keras_mobilevit

FILES = pathlib.Path(__file__).parent / "tflite" / "files"

# Constants and tables: their comments and values say what they are.
DATA = {
    *("__version__", "COCO_SCORE_THRESHOLD"),
    *("OUTPUT_HEADS", "METHODS", "RECIPES", "TASKS"),
}

# These convert a network, or train one.
SLOW = {
    *("compress", "compress_weights", "convert"),
    *("export_baseline", "export_recipes", "export_searched", "export_tflite"),
}

# To do: these take minutes, and are not known to run.
NOT_RUN = set()

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public_modules():
    """The package, its subpackages with public names, and its modules."""
    yield keras_mobilevit
    for name in keras_mobilevit.__all__:
        value = getattr(keras_mobilevit, name)
        if isinstance(value, types.ModuleType):
            yield value
    yield importlib.import_module("keras_mobilevit.model_info")
    for found in pkgutil.walk_packages(
        keras_mobilevit.__path__, "keras_mobilevit."
    ):
        if found.ispkg:
            module = importlib.import_module(found.name)
            if hasattr(module, "__all__"):
                yield module


def public_names(module):
    """Those of `__all__`, or else what a module defines."""
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def public_objects():
    """Address -> class or function, each once."""
    found = {}
    for module in public_modules():
        for name in public_names(module):
            value = getattr(module, name)
            if isinstance(value, types.ModuleType) or name in DATA:
                continue
            if not any(value is other for other in found.values()):
                found[f"{module.__name__}.{name}"] = value
    return found


OBJECTS = public_objects()


def write_photo(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    Image.fromarray(coarse).resize((120, 96)).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    write_photo(folder / "photo.jpg", 0)
    for number in range(12):
        write_photo(folder / f"photos/cat/{number}.jpg", 2 * number)
        write_photo(folder / f"photos/dog/{number}.jpg", 2 * number + 1)
    (folder / "street_masks").mkdir()
    mask = np.repeat(np.array([[0, 1, 255]], np.uint8), 40, axis=1)
    for number in range(2):
        write_photo(folder / f"street/{number}.png", number)
        Image.fromarray(np.repeat(mask, 96, axis=0)).save(
            folder / f"street_masks/{number}.png"
        )
    (folder / "boxes.json").write_text(json.dumps(make_boxes()))
    for name, file in (
        ("model", "v1_classifier_float32"),
        ("int8", "v1_classifier_int8"),
        ("detector", "v1_detector_nms_float32"),
        ("segmenter", "v1_segmenter_mask_float32"),
    ):
        shutil.copy(FILES / f"{file}.tflite", folder / f"{name}.tflite")
    make_tiny_model(classes=2).save(folder / "classifier.keras")
    return folder


def make_boxes():
    """Annotations of the pictures in `street`, as COCO has them."""
    return {
        "images": [
            {"id": i + 1, "file_name": f"{i}.png", "width": 120, "height": 96}
            for i in range(2)
        ],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i + 1,
                "category_id": 17 + i,
                "bbox": [10, 20, 50, 60],
                "area": 3000,
                "iscrowd": 0,
            }
            for i in range(2)
        ],
    }


def parse(name, text):
    return doctest.DocTestParser().get_doctest(text, {}, name, None, None)


@pytest.mark.parametrize("name", OBJECTS)
def test_every_public_docstring_has_an_example(name):
    text = inspect.cleandoc(OBJECTS[name].__doc__)
    assert "\nExample:\n" in text
    # An example shows what comes out.
    assert any(example.want for example in parse(name, text).examples)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow] * (name.rpartition(".")[2] in SLOW),
        )
        for name in OBJECTS
        if name.rpartition(".")[2] not in NOT_RUN
    ],
)
def test_example(name, folder, monkeypatch):
    text = inspect.cleandoc(OBJECTS[name].__doc__)
    monkeypatch.chdir(folder)
    report = []
    result = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS).run(
        parse(name, text), out=report.append
    )
    assert not result.failed, "".join(report)
