"""Running, evaluating and timing files; the commands."""

import importlib.util
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from micro_model import Tensor, micro_model
from PIL import Image
from small_model import LABELS, SIZE, make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.tflite import (
    ImageModel,
    compare,
    inspect,
    measure_latency,
    read_metadata,
)
from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.interpreters import make_interpreter
from keras_mobilevit.tflite.metadata import append_metadata

PIXEL = Tensor((1, 1, 1, 3))
COPY = ("RESHAPE", ["x"], ["y"], ("ReshapeOptions", {"newShape": (1, 1, 1, 3)}))


@pytest.fixture
def write(tmp_path):
    """Writes the arguments of `micro_model` to a file."""

    def write(*arguments, **options):
        path = tmp_path / "micro.tflite"
        path.write_bytes(micro_model(*arguments, **options))
        return path

    return write


def png(pixel):
    """A picture of one pixel, as the bytes of its file."""
    stream = io.BytesIO()
    Image.fromarray(np.array([[pixel]], np.uint8)).save(stream, "PNG")
    return stream.getvalue()


# === Pictures ===


def test_classify_sorts_and_names(files, tmp_path):
    model = ImageModel(files["int8"])
    (image,) = make_images(1, seed=4)
    Image.fromarray(image).save(tmp_path / "a.png")
    # `crop_pct` of the file applies to what is read from disk.
    probabilities = model.predict(model.load_image(tmp_path / "a.png"))
    predictions = model.classify(tmp_path / "a.png", top=3)
    assert len(predictions) == 3
    order = np.argsort(-probabilities)[:3]
    assert [p.label for p in predictions] == [LABELS[i] for i in order]
    assert [p.probability for p in predictions] == [
        float(probabilities[i]) for i in order
    ]
    assert model.size == SIZE


def test_crop_pct_of_the_file_is_used(files, tmp_path):
    height, width = SIZE
    grown = np.zeros((round(height / 0.875), round(width / 0.875), 3), "uint8")
    grown[2:-2, 2:-2] = 255
    Image.fromarray(grown).save(tmp_path / "a.png")
    assert ImageModel(files["int8"]).load_image(tmp_path / "a.png").min() == 255


# === Inputs and outputs ===


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "expected"),
    [
        ("uint8", 1.0, 0, [0, 100, 255]),
        ("int8", 1.0, -128, [0, 100, 255]),
        # 100 / 3 rounds to 33, the end of the range is 255 / 3 = 85.
        ("int8", 3.0, -20, [0, 99, 255]),
        # The range ends at 0.9 * 255.
        ("uint8", 0.9, 0, [0, 99.9, 229.5]),
        ("int16", 0.01, 0, [0, 100, 255]),
    ],
)
def test_pixels_into_quantized_inputs(
    write, dtype, scale, zero_point, expected
):
    x = Tensor((1, 1, 1, 3), dtype, scale=scale, zero_point=zero_point)
    nodes = [("DEQUANTIZE", ["x"], ["y"], ("DequantizeOptions", {}))]
    model = ImageModel(write({"x": x, "y": PIXEL}, nodes))
    image = np.array([[[0, 100, 255]]], np.uint8)
    np.testing.assert_allclose(model.predict(image)[0, 0], expected, rtol=1e-6)


def test_numbers_out_of_quantized_outputs(write):
    """Steps of 4 from -8 up: 5 is nearest to 4, 255 to 256."""
    y = Tensor((1, 1, 1, 3), "int8", scale=4.0, zero_point=-126)
    nodes = [("QUANTIZE", ["x"], ["y"], ("QuantizeOptions", {}))]
    model = ImageModel(write({"x": PIXEL, "y": y}, nodes))
    output = model.predict(np.array([[[0, 5, 255]]]))
    assert output.dtype == np.float32
    assert output.tolist() == [[[0, 4, 256]]]


def test_integers_without_a_scale_are_what_they_are(write):
    x = Tensor((1, 1, 1, 3), "uint8")
    y = Tensor((1, 1, 1), "int32")
    axis = Tensor((), "int32", values=3)
    options = ("ArgMaxOptions", {"outputType": 2})  # TensorType.INT32
    path = write(
        {"x": x, "axis": axis, "y": y},
        [("ARG_MAX", ["x", "axis"], ["y"], options)],
    )
    output = ImageModel(path).predict(np.array([[[7, 255, 200]]]))
    assert (output.dtype, output.tolist()) == (np.int32, [[1]])


def test_an_input_that_takes_no_pixels_is_refused(write):
    """[-1, 1] in int8, as of a model that is fed scaled pixels."""
    x = Tensor((1, 1, 1, 3), "int8", scale=1 / 128, zero_point=0)
    nodes = [("DEQUANTIZE", ["x"], ["y"], ("DequantizeOptions", {}))]
    model = ImageModel(write({"x": x, "y": PIXEL}, nodes))
    with pytest.raises(ValueError, match="ends at 0.99.*not take pixels"):
        model.predict(np.zeros((1, 1, 3)))


def test_several_outputs_come_by_name(write):
    tensors = {"x": PIXEL, "y": PIXEL, "z": PIXEL}
    double = ("ADD", ["x", "x"], ["z"], ("AddOptions", {}))
    image = np.array([[[1, 2, 3]]])
    model = ImageModel(write(tensors, [double, COPY]))
    assert model.output_names == ("y", "z")
    outputs = {name: v.tolist() for name, v in model.predict(image).items()}
    assert outputs == {"y": [[[1, 2, 3]]], "z": [[[2, 4, 6]]]}
    with pytest.raises(ValueError, match="one that gives {'y': .1, 1, 1, 3.,"):
        model.classify(png([1, 2, 3]))
    model = ImageModel(write(tensors, [double, COPY], signature="serve"))
    assert model.output_names == ("y_name", "z_name")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels(write, channels):
    x = Tensor((1, 1, 1, channels))
    shape = ("ReshapeOptions", {"newShape": (1, channels)})
    path = write(
        {"x": x, "y": Tensor((1, channels))}, [("RESHAPE", ["x"], ["y"], shape)]
    )
    model = ImageModel(path)
    assert (model.shape, model.size) == ((1, 1, channels), (1, 1))
    image = np.arange(channels).reshape(1, 1, channels)
    assert model.predict(image).tolist() == list(range(channels))
    with pytest.raises(ValueError, match="Expected pixels of shape"):
        model.predict(np.zeros((1, 1, channels + 1)))
    if channels == 3:
        assert model.load_image(png([200, 100, 50])).tolist() == [
            [[200, 100, 50]]
        ]
    elif channels == 1:
        # ITU-R 601: 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
        assert model.load_image(png([200, 100, 50])).tolist() == [[[124]]]
    else:
        with pytest.raises(ValueError, match=f"put in {channels} channels"):
            model.load_image(png([200, 100, 50]))


def test_logits_become_probabilities(write):
    shape = ("ReshapeOptions", {"newShape": (1, 3)})
    path = write(
        {"x": PIXEL, "y": Tensor((1, 3))}, [("RESHAPE", ["x"], ["y"], shape)]
    )
    predictions = ImageModel(path).classify(png([10, 12, 11]))
    # exp(0), exp(-1) and exp(-2) over their sum.
    assert [p.label for p in predictions] == ["1", "2", "0"]
    assert [p.probability for p in predictions] == pytest.approx(
        [0.665241, 0.244728, 0.090031], abs=1e-6
    )


@pytest.mark.parametrize(
    "shape", [(1, 3, 32, 32), (2, 1, 1, 3), (1, -1, -1, 3), (1, 3)]
)
def test_inputs_that_are_no_image_of_fixed_size(write, shape):
    nodes = [("RELU", ["x"], ["y"], None)]
    path = write({"x": Tensor(shape), "y": Tensor(shape)}, nodes)
    with pytest.raises(ValueError, match="height, width, channels") as caught:
        ImageModel(path)
    assert str(shape) in str(caught.value)


def test_a_batch_of_unknown_size_runs_as_one(write):
    x = Tensor((-1, 1, 1, 3))
    path = write({"x": x, "y": x}, [("RELU", ["x"], ["y"], None)])
    output = ImageModel(path).predict(np.array([[[1, 2, 3]]]))
    assert output.tolist() == [[[1, 2, 3]]]


def test_scaling_and_channel_order_of_the_description(write):
    """As `pixel * scale + offset`, in the order of blue, green, red."""
    x = Tensor((1, 1, 1, 3))
    path = write({"x": x, "y": x}, [("RELU", ["x"], ["y"], None)])
    image = ImageSpec(scale=0.5, offset=-1, channel_order="bgr")
    path.write_bytes(append_metadata(path.read_bytes(), ModelInfo(image=image)))
    model = ImageModel(path)
    picture = png((30, 20, 10))
    assert model.load_image(picture).tolist() == [[[10, 20, 30]]]
    output = model.predict(model.load_image(picture))
    assert output.tolist() == [[[4, 9, 14]]]


# === Files that can not be run ===


def test_files_that_are_no_models(tmp_path):
    with pytest.raises(FileNotFoundError, match="no .tflite file"):
        ImageModel(tmp_path / "missing.tflite")
    path = tmp_path / "page.tflite"
    for text in ("<html>404</html>", ""):
        path.write_text(text)
        with pytest.raises(ValueError, match="Expected a complete .tflite"):
            ImageModel(path)
    assert read_metadata(path) is None


@pytest.mark.parametrize("recipe", ["float32", "int8"])
@pytest.mark.parametrize("part", [0.001, 0.1, 0.5, 0.9, 0.99])
def test_truncated_files(files, tmp_path, recipe, part):
    """The two kinds keep their weights in different places."""
    data = files[recipe].read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(ValueError, match="Expected a complete .tflite"):
        make_interpreter(path)


def test_unknown_operations_are_named(tmp_path):
    model = read_model(micro_model({"x": PIXEL, "y": PIXEL}, [COPY]))
    (code,) = model.operatorCodes
    code.customCode, code.builtinCode = "FlexErf", 32  # BuiltinOperator.CUSTOM
    code.deprecatedBuiltinCode = 32
    model.subgraphs[0].operators[0].builtinOptionsType = 0
    path = tmp_path / "flex.tflite"
    path.write_bytes(write_model(model))
    with pytest.raises(ValueError, match="ai-edge-litert can not run.*FlexErf"):
        make_interpreter(path)


@pytest.mark.parametrize("num_threads", [0, -1, 1.5, "2"])
def test_bad_threads(files, num_threads):
    with pytest.raises(ValueError, match="whole number from 1. Received"):
        make_interpreter(files["float32"], num_threads)


# === Runtimes ===


def test_runtimes_that_are_refused(files, monkeypatch):
    with pytest.raises(ValueError, match="computes some int8 products wrongly"):
        make_interpreter(files["int8"], runtime="tensorflow")
    with pytest.raises(ValueError, match="must be one of.*runtime=onnx"):
        make_interpreter(files["int8"], runtime="onnx")
    monkeypatch.setattr(np, "__version__", "2.0.0")
    with pytest.raises(ImportError, match="does not work with NumPy 2"):
        make_interpreter(files["int8"], runtime="tflite-runtime")
    monkeypatch.setattr(np, "__version__", "1.26.4")
    monkeypatch.delitem(sys.modules, "tflite_runtime.interpreter", False)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match="import tflite_runtime.interpreter"):
        make_interpreter(files["int8"], runtime="tflite-runtime")
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    with pytest.raises(ImportError, match="missing or broken.*pip install"):
        make_interpreter(files["int8"], runtime="tflite-runtime")


# It must be loaded before TensorFlow, and so in a process of its own.
_WITH_TFLITE_RUNTIME = """
import tflite_runtime.interpreter
import json, sys
import numpy as np
from keras_mobilevit.tflite import ImageModel
from keras_mobilevit.tflite.interpreters import RUNTIMES
good, *bad = sys.argv[1:]
image = np.arange(12).reshape(2, 2, 3) * 20
answers = [ImageModel(good, 1, name).predict(image) for name in RUNTIMES]
messages = []
for path in bad:
    try:
        ImageModel(path, 1, "tflite-runtime")
    except ValueError as error:
        messages.append(str(error))
print(json.dumps([[a.ravel().tolist() for a in answers], messages]))
"""


def test_tflite_runtime(tmp_path):
    """It computes the same, or refuses, and never ends the process."""
    if int(np.__version__[0]) > 1:
        pytest.skip("tflite-runtime needs NumPy 1")
    if importlib.util.find_spec("tflite_runtime") is None:
        pytest.skip("tflite-runtime is not installed")
    rng = np.random.default_rng(0)
    tensors = {
        "x": Tensor((1, 2, 2, 3)),
        "w": Tensor((4, 1, 1, 3), values=rng.normal(size=(4, 1, 1, 3))),
        "b": Tensor((4,), values=rng.normal(size=4)),
        "y": Tensor((1, 2, 2, 4)),
    }
    options = ("Conv2DOptions", {"strideW": 1, "strideH": 1})
    good = micro_model(tensors, [("CONV_2D", ["x", "w", "b"], ["y"], options)])
    # Of several scales, it would take the first for all.
    tensors = {
        "x": PIXEL,
        "w": Tensor((2, 3), "int8", scale=(0.1, 0.2), values=1),
        "y": Tensor((1, 2)),
    }
    options = ("FullyConnectedOptions", {})
    recent = micro_model(
        tensors, [("FULLY_CONNECTED", ["x", "w"], ["y"], options)]
    )
    paths = [tmp_path / f"{name}.tflite" for name in ("good", "recent", "cut")]
    for path, data in zip(paths, (good, recent, good[:-100]), strict=True):
        path.write_bytes(data)
    result = subprocess.run(
        [sys.executable, "-c", _WITH_TFLITE_RUNTIME, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    answers, messages = json.loads(result.stdout.splitlines()[-1])
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-5)
    assert "needs TensorFlow Lite 2.17.0" in messages[0]
    assert "Expected a complete .tflite file" in messages[1]


# === Metadata ===


def test_damaged_metadata(files, tmp_path):
    data = files["int8"].read_bytes()
    path = tmp_path / "a.tflite"
    # The archive's checksum no longer fits.
    path.write_bytes(data.replace(b'"recipe"', b'"rezipe"'))
    with pytest.raises(ValueError, match="metadata"):
        read_metadata(path)


# === Comparison ===


def test_latency_and_comparison(files):
    paths = [files["float32"], files["int8"]]
    assert all(ms > 0 for ms in measure_latency(paths, runs=2, warmup=1))
    first, second = compare(paths, make_images(3), runs=2)
    assert (first.speedup, first.agreement) == (1, 1)
    assert second.inspection.size == paths[1].stat().st_size


# === Commands ===


@pytest.mark.slow
def test_commands_from_keras_file_to_class_names(
    command, tiny, tmp_path, capsys
):
    tiny.save(tmp_path / "model.keras")
    (tmp_path / "names.txt").write_text("\n".join(LABELS))
    images = tmp_path / "images"
    images.mkdir()
    for index, image in enumerate(make_images(20, TINY_SIZE)):
        Image.fromarray(image).save(images / f"{index}.png")
    output = tmp_path / "model.tflite"
    assert not command(
        "export",
        *("--keras", tmp_path / "model.keras"),
        *("--recipe", "int8", "--calibration", images),
        *("--labels", tmp_path / "names.txt", "-o", output),
    )
    assert inspect(output).partitions == 1
    capsys.readouterr()
    assert not command("predict", images / "0.png", "--model", output)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(images / "0.png")
    assert {line.split()[-1] for line in lines[1:]} == set(LABELS)


def test_predict_errors(command, files, tmp_path, capsys):
    assert command("predict", tmp_path / "no.jpg", "--model", files["int8"])
    assert "no picture" in capsys.readouterr().err
