"""`.tflite` files run with the packages of the `runtime` extra alone."""

import json
import pathlib
import subprocess
import sys

import pytest
from image_files import encode
from small_model import LABELS, make_images
from test_files_of_version_1 import BOXES, CLASSES, FILES, PIXELS
from tiny_dense import DENSE_SIZE, OBJECTS, REGIONS
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite import ImageModel

# What these packages bring: NumPy, Pillow, ai-edge-litert and tqdm.
RUNTIME = {
    *("numpy", "PIL", "ai_edge_litert", "tqdm"),
    *("backports", "flatbuffers", "google", "ml_dtypes", "typing_extensions"),
}

CODE = """
import contextlib, io, json, pathlib, sys
before = set(sys.modules)
blocked = ["keras", "tensorflow", "h5py", "jax", "torch", "litert_quantizer"]
for name in blocked:
    sys.modules[name] = None

from keras_mobilevit import open_model
from keras_mobilevit.cli.main import main
from keras_mobilevit.tflite import Detector, ImageModel, Segmenter

files, folder = map(pathlib.Path, sys.argv[1:])
small, large = folder / "small.png", folder / "large.png"

def run(*argv):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = main([str(argument) for argument in argv])
    return status, out.getvalue()

drawn = folder / "drawn.png"
found = {"commands": {}, "classes": {}, "boxes": {}, "pixels": {}}
found["opened"] = {}
for path in sorted(files.glob("*.tflite")):
    name = path.stem
    found["commands"][name] = run(
        *("predict", small if "classifier" in name else large),
        *("--model", path),
        *(() if "classifier" in name else ("-o", drawn)),
    )
    opened = open_model(path)
    result = opened.predict(small if "classifier" in name else large)
    if opened.info.task == "segmentation":
        result = dict(result.shares())
    found["opened"][name] = opened.info.task, result
    form = name.split("_", 2)[2]
    if "classifier" in name:
        found["classes"][form] = ImageModel(path).classify(small, top=4)
    elif "detector" in name:
        found["boxes"][form] = Detector(path).detect(large)[:3]
    else:
        mask = Segmenter(path).segment(large)
        found["pixels"][form] = [int((mask == i).sum()) for i in range(5)]
path = files / "v1_classifier_int8.tflite"
found["commands"]["inspect"] = run("inspect", path)
found["commands"]["benchmark"] = run(
    "benchmark", path, "--threads", 1, "--runs", 2, "--warmup", 0
)
with contextlib.redirect_stderr(io.StringIO()) as error:
    found["refused"] = run("predict", small, "--model", "weights:cifar10")
found["refused"] = found["refused"][0], error.getvalue()
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
found["roots"] = sorted(
    name for name in roots - sys.stdlib_module_names
    # Cython makes modules that are not imported from anywhere.
    if getattr(sys.modules[name], "__spec__", None)
)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a process says in which Keras can not be imported."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, size in (("small", TINY_SIZE), ("large", DENSE_SIZE)):
        picture = make_images(3, size, seed=5)[1]
        (folder / f"{name}.png").write_bytes(encode(picture))
    done = subprocess.run(
        [sys.executable, "-c", CODE, FILES, folder],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "drawn.png").is_file()
    return json.loads(done.stdout.splitlines()[-1])


def test_no_other_package_is_imported(found):
    assert {"numpy", "PIL", "ai_edge_litert"} <= set(found["roots"])
    assert set(found["roots"]) <= {"keras_mobilevit", *RUNTIME}


def test_the_commands_answer(found):
    assert all(status == 0 for status, _ in found["commands"].values())
    names = {"classifier": LABELS, "detector": OBJECTS, "segmenter": REGIONS}
    seen = set()
    for name, (_, text) in found["commands"].items():
        if name.startswith("v1_"):
            task = name.split("_")[1]
            _, *lines = text.splitlines()
            assert lines and all("%" in line for line in lines)
            assert {line.split()[1] for line in lines} <= set(names[task])
            seen.add(task)
    assert seen == names.keys()
    assert "XNNPACK: " in found["commands"]["inspect"][1]
    assert "v1_classifier_int8.tflite |" in found["commands"]["benchmark"][1]


def test_a_keras_model_is_refused_in_a_line(found):
    status, text = found["refused"]
    assert status == 1
    assert text.startswith("error: keras is missing")
    assert text.endswith('run `pip install "keras-mobilevit[tflite]"`.\n')
    assert text.count("\n") == 1


def test_classes(found):
    """As version 0.1 gave them, with Keras; so below."""
    assert found["classes"].keys() == {"float32", "int8"}
    for form, answers in found["classes"].items():
        assert [label for label, _ in answers] == list(CLASSES)
        # Int8 is rounded otherwise on other processors.
        assert [probability for _, probability in answers] == pytest.approx(
            list(CLASSES.values()), abs=0.02 if form == "int8" else 1e-3
        )


def test_boxes(found):
    assert found["boxes"].keys() == BOXES.keys()
    for form, boxes in found["boxes"].items():
        for (_, name, score, box), expected in zip(
            boxes, BOXES[form], strict=True
        ):
            assert name == expected[0]
            assert score == pytest.approx(expected[1], abs=1e-3)
            tolerance = 0.5 if form.endswith("int8") else 0.02
            assert box == pytest.approx(expected[2], abs=tolerance)


def test_masks(found):
    assert found["pixels"].keys() == PIXELS.keys()
    for form, pixels in found["pixels"].items():
        tolerance = 40 if form.endswith("int8") else 5
        assert pixels == pytest.approx(PIXELS[form], abs=tolerance)


def test_files_are_opened(found):
    """By `open_model`, which gives the same with names."""
    seen = set()
    for name, (task, result) in found["opened"].items():
        seen.add(task)
        form = name.split("_", 2)[2]
        if task == "classification":
            assert result[:4] == found["classes"][form]
        elif task == "detection":
            assert result[:3] == found["boxes"][form]
        else:
            size = DENSE_SIZE[0] * DENSE_SIZE[1]
            pixels = found["pixels"][form]
            assert result == {
                label: count / size
                for label, count in zip(REGIONS, pixels, strict=True)
                if count
            }
    assert seen == {"classification", "detection", "segmentation"}


@pytest.mark.parametrize("missing", ["ai_edge_litert.interpreter", "PIL.Image"])
def test_the_extra_is_named(missing, monkeypatch):
    path = pathlib.Path(FILES, "v1_classifier_float32.tflite")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"keras-mobilevit\[runtime\]"):
        ImageModel(path).classify(encode(make_images(1, TINY_SIZE)[0]))
