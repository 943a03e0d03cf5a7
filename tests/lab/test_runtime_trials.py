"""Files in other runtimes: pretended ones, and tflite-runtime for real."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from edited import edited
from flatbuffers import flexbuffers
from micro_model import Tensor, micro_model
from PIL import Image

import check_runtime
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.tflite import find_recipe, inspect, op_versions, quantize
from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.op_versions import parse_version
from keras_mobilevit.tflite.runtime import ImageModel
from logged_commands import CommandError
from runtime_trials import runtimes
from runtime_trials.check_report import as_json, as_table
from runtime_trials.runtime_check import (
    Answers,
    RuntimeCheck,
    _pictures,
    check_runtimes,
)
from runtime_trials.runtimes import (
    Runtime,
    install_runtime,
    own_runtime,
)

LAST = "tflite-runtime==2.14.0"


# === Runtimes that only pretend ===

# Starts a script with a package from beside it.
_START = """
import runpy, sys
folder, *sys.argv = sys.argv[1:]
sys.path.insert(0, folder)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_PRETENDED = """
import os, signal
from ai_edge_litert.interpreter import Interpreter as Real
print("INFO: a runtime that talks")
class Interpreter(Real):
    def get_tensor(self, index):
        value = super().get_tensor(index)
        return WHAT
"""
_REFUSING = """
def Interpreter(path, num_threads):
    raise ValueError("Didn't find op 'X' version '12'.\\nRegistration failed.")
"""


@pytest.fixture
def pretend(tmp_path):
    """Returns a function from Python text to a runtime."""

    def make(text):
        folder = tmp_path / f"runtime{len(list(tmp_path.iterdir()))}"
        package = folder / "tflite_runtime"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "interpreter.py").write_text(text)
        return Runtime(LAST, (sys.executable, "-c", _START, str(folder)))

    return make


@pytest.fixture
def file(tmp_path):
    """A convolution that gives four numbers for each pixel."""
    rng = np.random.default_rng(0)
    tensors = {
        "x": Tensor((1, 2, 2, 3)),
        "w": Tensor((4, 1, 1, 3), values=rng.normal(size=(4, 1, 1, 3))),
        "b": Tensor((4,), values=rng.normal(size=4)),
        "y": Tensor((1, 2, 2, 4)),
    }
    options = ("Conv2DOptions", {"strideW": 1, "strideH": 1})
    path = tmp_path / "conv.tflite"
    path.write_bytes(
        micro_model(tensors, [("CONV_2D", ["x", "w", "b"], ["y"], options)])
    )
    return path


@pytest.mark.parametrize("task", ["classification", "detection"])
def test_images_are_those_that_the_file_reads(tmp_path, task):
    """A classifier sees the middle, a detector the whole picture."""
    path = tmp_path / "model.tflite"
    tensors = {"x": Tensor((1, 8, 8, 3)), "y": Tensor((1, 8, 8, 3))}
    graph = micro_model(tensors, [("ABS", ["x"], ["y"], None)])
    mode = "squash" if task == "detection" else "center"
    image = ImageSpec(crop_pct=0.5, crop_mode=mode)
    info = ModelInfo(name="net", task=task, image=image)
    path.write_bytes(append_metadata(graph, info))
    pixels = np.full((20, 60, 3), 40, np.uint8)
    pixels[:, :20] = 255
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    model = ImageModel(path)
    with pytest.warns(UserWarning, match="1 calibration images are few"):
        (found,) = _pictures(model, tmp_path, 1)
    expected = model.load_image(tmp_path / "picture.png")
    np.testing.assert_array_equal(found, expected)
    assert found.max() == (255 if task == "detection" else 40)


def test_same_and_wrong_answers(file, pretend):
    same = pretend(_PRETENDED.replace("WHAT", "value"))
    # An error of a tenth of the signal: 20 dB. And then all the other way.
    tenth = pretend(_PRETENDED.replace("WHAT", "1.1 * value"))
    wrong = pretend(_PRETENDED.replace("WHAT", "-value"))
    checks = check_runtimes(
        [file], [same, tenth, wrong], float_file=file, images=3, runs=2
    )
    same, tenth, wrong = (check.answers for check in checks)
    assert (same.nodes, same.delegated, same.partitions) == (1, 1, 1)
    assert math.isinf(same.sqnr) and math.isinf(same.float_sqnr)
    assert same.agreement == 1
    assert same.milliseconds > 0 and same.speed > 0
    assert tenth.sqnr == pytest.approx(20, abs=1e-3)
    assert tenth.float_sqnr == pytest.approx(20, abs=1e-3)
    assert tenth.agreement == 1
    assert wrong.sqnr == pytest.approx(-20 * math.log10(2), abs=1e-3)
    assert wrong.agreement == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_REFUSING, "Didn't find op 'X' version '12'. Registration failed."),
        (
            _PRETENDED.replace("WHAT", "os.kill(os.getpid(), signal.SIGSEGV)"),
            "it ended the process with signal 11",
        ),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_what_does_not_run_is_told(file, pretend, text, reason):
    (check,) = check_runtimes([file], [pretend(text)], images=1, runs=1)
    assert check.answers is None
    assert check.reason.endswith(reason)
    assert (check.file, check.runtime) == (str(file), LAST)


def test_whole_numbers_are_compared_themselves(tmp_path, pretend):
    """As of a mask; there is no largest among them."""
    tensors = {
        "x": Tensor((1, 2, 2, 3)),
        "axis": Tensor((), "int32", values=3),
        "y": Tensor((1, 2, 2), "int32"),
    }
    options = ("ArgMaxOptions", {"outputType": 2})
    path = tmp_path / "mask.tflite"
    path.write_bytes(
        micro_model(tensors, [("ARG_MAX", ["x", "axis"], ["y"], options)])
    )
    column = "value + [[[0, 1], [0, 1]]]"
    runtime = pretend(_PRETENDED.replace("WHAT", column))
    (check,) = check_runtimes([path], [runtime], images=2, runs=1)
    assert check.answers.agreement == 0.5


def test_bad_numbers_and_files(file, tmp_path):
    with pytest.raises(ValueError, match="from 1. Received: images=0"):
        check_runtimes([file], [own_runtime()], images=0)
    with pytest.raises(FileNotFoundError, match="no-such.tflite"):
        check_runtimes([tmp_path / "no-such.tflite"], [own_runtime()])


# === Installing ===


def test_the_last_tflite_runtime_takes_numpy_1(monkeypatch, tmp_path):
    seen = []

    def python_with(*arguments):
        seen.append(arguments)
        return ["python", "-E", "-s"]

    monkeypatch.setattr(runtimes, "python_with", python_with)
    monkeypatch.setattr(runtimes, "python_version", lambda python: "3.11.7")
    runtime = install_runtime(LAST, tmp_path)
    assert runtime == Runtime(LAST, ("python", "-E", "-s"))
    assert runtime.module == "tflite_runtime.interpreter"
    own = (tmp_path, "tflite-runtime", sys.executable)
    assert seen == [([LAST, "numpy<2"], *own)]


@pytest.mark.parametrize(
    ("version", "numpy"), [("1.1.2", ["numpy<2"]), ("1.2.0", []), ("2.10", [])]
)
def test_litert_takes_the_numpy_that_it_was_built_for(
    monkeypatch, tmp_path, version, numpy
):
    seen = []
    monkeypatch.setattr(
        runtimes, "python_with", lambda *arguments: seen.append(arguments) or ()
    )
    name = f"ai-edge-litert=={version}"
    runtime = install_runtime(name, tmp_path, "python3.13")
    assert runtime.module == "ai_edge_litert.interpreter"
    others = (tmp_path, "ai-edge-litert", "python3.13")
    assert seen == [([name, *numpy], *others)]


@pytest.mark.parametrize("version", ["3.8.20", "3.12.0", "3.13.1"])
def test_pythons_without_a_wheel(monkeypatch, tmp_path, version):
    monkeypatch.setattr(runtimes, "python_version", lambda python: version)
    with pytest.raises(ValueError, match="Python 3.9 to 3.11") as caught:
        install_runtime(LAST, tmp_path)
    assert f"Received: Python {version}" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["tflite-runtime", "tflite-runtime>=2", "tensorflow==2.14.0", "-r x==1"],
)
def test_what_is_no_release_of_a_runtime(tmp_path, name):
    with pytest.raises(ValueError, match="such as tflite-runtime==2.14.0"):
        install_runtime(name, tmp_path)


# === What is printed ===


def _check(**changes):
    fields = {
        "nodes": 5,
        "delegated": 3,
        "partitions": 2,
        "sqnr": math.inf,
        "agreement": 0.995,
        "float_sqnr": None,
        "milliseconds": 1.234,
        "speed": 0.5,
    }
    return RuntimeCheck("a.tflite", LAST, Answers(**{**fields, **changes}))


def test_table_and_json():
    checks = [
        _check(),
        _check(sqnr=30.16, float_sqnr=21.0, agreement=None),
        RuntimeCheck("b.tflite", LAST, None, "it lacks X"),
    ]
    lines = as_table(checks).splitlines()
    cells = [[c.strip() for c in line.split("|")[3:-1]] for line in lines[2:5]]
    assert cells == [
        ["yes", "3/5 in 2", "inf", "-", "100 %", "1.23", "0.50"],
        ["yes", "3/5 in 2", "30.2", "21.0", "-", "1.23", "0.50"],
        ["no", "-", "-", "-", "-", "-", "-"],
    ]
    assert lines[-1] == f"b.tflite in {LAST}: it lacks X"
    tree = json.loads(as_json(checks))
    first, second, third = tree["checks"]
    assert first["answers"]["sqnr"] is None
    assert second["answers"]["sqnr"] == 30.16
    assert third["answers"] is None
    assert tree["machine"]["cores"] > 0


def test_tool(monkeypatch, file, pretend, tmp_path, capsys):
    runtime = pretend(_PRETENDED.replace("WHAT", "value"))
    monkeypatch.setattr(check_runtime, "install_runtime", lambda *_: runtime)
    out = tmp_path / "out.json"
    options = ["--images", "1", "--runs", "1", "--json", str(out)]
    assert check_runtime.main([str(file), "--runtime", LAST, *options]) == 0
    assert f"| {LAST} | yes  | 1/1 in 1" in capsys.readouterr().out
    assert json.loads(out.read_text())["checks"][0]["answers"]["nodes"] == 1


def test_tool_says_in_one_line_what_is_wrong(
    monkeypatch, file, capsys, tmp_path
):
    def fail(*_):
        raise CommandError("ERROR: no network")

    arguments = [str(file), "--cache", str(tmp_path), "--runtime"]
    assert check_runtime.main([*arguments, "onnx==1.0"]) == 1
    monkeypatch.setattr(check_runtime, "install_runtime", fail)
    assert check_runtime.main([*arguments, LAST]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("error: Expected a release of ai-edge-litert or")
    assert second == "error: ERROR: no network"


# === tflite-runtime 2.14, for real ===


@pytest.fixture(scope="module")
def last(tmp_path_factory):
    try:
        return install_runtime(LAST, tmp_path_factory.mktemp("runtimes"))
    except (ValueError, CommandError) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def quantized(tiny_float, tiny_calibration, tmp_path_factory):
    """Returns a function from a recipe to a file of the tiny model."""
    folder = tmp_path_factory.mktemp("quantized")

    def make(recipe, compat=None):
        model = quantize(tiny_float, find_recipe(recipe), tiny_calibration)
        path = folder / f"{recipe}{compat or ''}.tflite"
        if compat:
            model = edited(make_compatible, model, compat)
        path.write_bytes(model)
        return path

    return make


def _run_there(runtime, script, *arguments):
    done = subprocess.run(
        [*runtime.python, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        *("float32", "float16", "float16_arithmetic", "weight_only"),
        *("dynamic", "int8", "int8_accurate", "int8_full"),
    ],
)
def test_compatible_files_are_right_there(last, quantized, recipe):
    """As near to float as here, to 3 dB: kernels round in other places."""
    path = quantized(recipe, "2.14")
    assert parse_version(inspect(path).minimum_runtime) <= (2, 14, 0)
    here, there = check_runtimes(
        [path],
        [own_runtime(), last],
        float_file=quantized("float32"),
        images=40,
        runs=1,
    )
    assert there.answers.float_sqnr > min(here.answers.float_sqnr - 3, 100)


@pytest.mark.slow
def test_without_it_dynamic_is_noise_there(last, quantized):
    """The inspection says so."""
    path = quantized("dynamic")
    assert inspect(path).minimum_runtime == "2.17.0"
    (check,) = check_runtimes([path], [last], images=40, runs=1)
    assert check.answers.sqnr < 10


# What the custom operation must be told.
_POST_PROCESSING = flexbuffers.Dumps(
    dict.fromkeys(
        (
            *("max_detections", "max_classes_per_detection", "num_classes"),
            *("nms_score_threshold", "nms_iou_threshold"),
            *("x_scale", "y_scale", "w_scale", "h_scale"),
        ),
        1,
    )
)
_LOAD = """
import json, pathlib, sys
from tflite_runtime.interpreter import Interpreter
loaded = []
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        Interpreter(str(path))
        loaded.append(path.stem)
    except ValueError as error:
        assert "Didn't find" in str(error) or "Unsupported" in str(error)
print(json.dumps(loaded))
"""


@pytest.mark.slow
def test_table_of_versions_is_what_it_loads(last, tmp_path):
    """Each kind in each version, all of which the table has."""
    tensor = Tensor((1, 2, 2, 3))
    expected = []
    for kind, releases in op_versions._RUNTIMES.items():
        builtin = "RESHAPE" if kind.startswith("TFLite") else kind
        node = (builtin, ["x", "x"], ["y"], None)
        model = read_model(micro_model({"x": tensor, "y": tensor}, [node]))
        (code,) = model.operatorCodes
        if kind != builtin:
            code.builtinCode = code.deprecatedBuiltinCode = 32  # CUSTOM
            code.customCode = kind
            (op,) = model.subgraphs[0].operators
            op.customOptions = np.frombuffer(_POST_PROCESSING, np.uint8)
        for version, release in enumerate(releases.split(), start=1):
            code.version = version
            path = tmp_path / f"{kind}-{version:02}.tflite"
            path.write_bytes(write_model(model))
            if parse_version(release) <= (2, 14, 0):
                expected.append(path.stem)
    assert len(expected) > 150
    assert sorted(expected) == sorted(_run_there(last, _LOAD, tmp_path))


_MULTIPLY = """
import json, sys
import numpy as np
from tflite_runtime.interpreter import Interpreter
answers = []
for path in sys.argv[2:]:
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    inputs = np.load(sys.argv[1])
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], inputs[detail["name"]])
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    answers.append(interpreter.get_tensor(output["index"]).tolist())
print(json.dumps(answers))
"""


@pytest.mark.slow
def test_products_of_int8_batches_are_right_there(last, tmp_path):
    """Whatever the zero points: keys and values need none of 0 for that."""
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, (16, 36, 24))
    y = rng.integers(-128, 128, (16, 40, 24))
    inputs = tmp_path / "inputs.npz"
    np.savez(inputs, x=x.astype(np.int8), y=y.astype(np.int8))
    paths, expected = [], []
    for zero_x, zero_y in [(0, 0), (0, -9), (7, 0), (7, -9)]:
        tensors = {
            "x": Tensor(x.shape, "int8", scale=0.1, zero_point=zero_x),
            "y": Tensor(y.shape, "int8", scale=0.05, zero_point=zero_y),
            "z": Tensor((16, 36, 40), "int8", scale=3, zero_point=3),
        }
        node = ("BATCH_MATMUL", ["x", "y"], ["z"])
        options = ("BatchMatMulOptions", {"adjY": True})
        paths.append(tmp_path / f"{zero_x}_{zero_y}.tflite")
        paths[-1].write_bytes(micro_model(tensors, [(*node, options)]))
        products = (x - zero_x) @ (y - zero_y).transpose(0, 2, 1)
        exact = products * 0.1 * 0.05 / 3 + 3
        expected.append(np.clip(exact, -128, 127))
    answers = _run_there(last, _MULTIPLY, inputs, *paths)
    for answer, exact in zip(answers, expected, strict=True):
        assert np.abs(answer - exact).max() < 0.51
