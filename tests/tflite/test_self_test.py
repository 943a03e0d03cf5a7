"""What files record of a known input, and what is compared with it."""

import base64
import dataclasses
import hashlib
import json

import numpy as np
import pytest
from tiny_dense import make_tiny_segmenter

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite import (
    ImageModel,
    check_self_test,
    export_tflite,
    read_metadata,
)
from keras_mobilevit.tflite.editing import set_outputs
from keras_mobilevit.tflite.flatbuffer import op_name, read_model, write_model
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.self_test_values import self_test_input


def rewrite(path, target, edit):
    """Writes the file again, with its self-test edited."""
    info = read_metadata(path)
    test = dict(info.self_test)
    test["outputs"] = {n: dict(r) for n, r in test["outputs"].items()}
    edit(test)
    info = dataclasses.replace(info, self_test=test)
    graph = write_model(read_model(path.read_bytes()))
    target.write_bytes(append_metadata(graph, info))
    return target


# === The input ===


@pytest.mark.parametrize("shape", [(5, 7, 3), (96, 96, 3), (33, 64, 1)])
def test_input_follows_the_documented_formula(shape):
    height, width, channels = shape
    expected = []
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                t = 512 * x // width * (c + 1) + 384 * y // height + 64 * c
                t %= 512
                expected.append(min(t, 511 - t))
    assert self_test_input(shape).tobytes() == bytes(expected)


# === Files ===


@pytest.mark.parametrize("threads", [1, 2])
def test_each_file_passes_where_it_was_made(files, threads):
    for path in files.values():
        result = check_self_test(path, threads)
        assert (result.verdict, result.passed) == ("identical", True)


def test_integer_files_are_expected_to_be_identical_everywhere(files):
    expected = {
        recipe: read_metadata(path).self_test["expected"]
        for recipe, path in files.items()
    }
    assert {r for r, e in expected.items() if e == "identical"} == {
        "int8",
        "int8_full",
    }


def test_record_has_the_logits_in_front_of_a_softmax(files):
    (record,) = read_metadata(files["int8"]).self_test["outputs"].values()
    model = read_model(files["int8"].read_bytes())
    (graph,) = model.subgraphs
    *_, dequantize, softmax = graph.operators
    assert op_name(model, softmax) == "SOFTMAX"
    set_outputs(model, {"logits": dequantize.inputs[0]})
    path = files["int8"].with_name("logits.tflite")
    path.write_bytes(append_metadata(write_model(model), ModelInfo()))
    network = ImageModel(path)
    network.set_image(self_test_input(network.shape))
    network.invoke()
    interpreter = network._interpreter
    (details,) = interpreter.get_output_details()
    logits = interpreter.get_tensor(details["index"]).astype(int)
    recorded = np.frombuffer(base64.b64decode(record["values"]), "<i2")
    assert record["covers"] == "softmax_input"
    assert record["scale"] == pytest.approx(details["quantization"][0])
    assert recorded.tolist() == (logits - logits.max())[0].tolist()


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_altered_weight_does_not_pass(files, tmp_path, recipe):
    path = files[recipe]
    model = read_model(path.read_bytes())
    (graph,) = model.subgraphs
    convolution = next(
        op for op in graph.operators if op_name(model, op) == "CONV_2D"
    )
    buffer = model.buffers[graph.tensors[convolution.inputs[1]].buffer]
    weights = np.array(buffer.data, np.uint8).view(
        "i1" if recipe == "int8" else "<f4"
    )
    largest = np.abs(weights).argmax()
    weights[largest] = -weights[largest]
    buffer.data = weights.view(np.uint8)
    altered = tmp_path / "altered.tflite"
    altered.write_bytes(
        append_metadata(write_model(model), read_metadata(path))
    )
    assert not check_self_test(altered).passed


@pytest.mark.slow
def test_large_output_is_recorded_by_its_hash_and_samples(tmp_path):
    path = export_tflite(
        make_tiny_segmenter(),
        tmp_path / "mask.tflite",
        "float32",
        output_head="mask",
    )
    (record,) = read_metadata(path).self_test["outputs"].values()
    network = ImageModel(path)
    mask = network.predict(self_test_input(network.shape))
    samples = base64.b64decode(record["samples"])
    assert record["sha256"] == hashlib.sha256(mask.tobytes()).hexdigest()
    assert len(samples) == 256 * mask.itemsize
    flat = mask.ravel()
    expected = [flat[k * flat.size // 256] for k in range(256)]
    assert np.frombuffer(samples, mask.dtype).tolist() == expected
    assert check_self_test(path).verdict == "identical"


# === Command ===


def test_command_reports_and_fails(command, files, tmp_path, capsys):
    def shift(test):
        (record,) = test["outputs"].values()
        record["values"] = base64.b64encode(bytes(10)).decode()

    assert command("inspect", files["int8"], "--self-test", "--json") == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 1
    assert "softmax input) identical; recorded with LiteRT" in err
    other = rewrite(files["int8"], tmp_path / "other.tflite", shift)
    assert command("inspect", other, "--self-test") == 1
    assert "softmax input) different, " in capsys.readouterr().err


# === Verdicts ===


@pytest.mark.parametrize(
    "decibels, verdict", [(120, "within"), (95, "within"), (80, "different")]
)
def test_verdict_of_a_deviation(files, tmp_path, decibels, verdict):
    def shift(test):
        (record,) = test["outputs"].values()
        values = np.frombuffer(base64.b64decode(record["values"]), "<f4")
        signal = np.sum((values - values.mean()) ** 2)
        noise = np.zeros_like(values)
        noise[0] = np.sqrt(signal * 10 ** (-decibels / 10))
        record["values"] = base64.b64encode(values + noise).decode()
        record["least_sqnr_db"] = 90.0

    path = rewrite(files["float32"], tmp_path / "shifted.tflite", shift)
    result = check_self_test(path)
    (output,) = result.outputs.values()
    assert result.verdict == verdict
    assert result.passed == (verdict == "within")
    # Float32 keeps the shift to about a tenth of itself at 120 dB.
    assert output.sqnr == pytest.approx(decibels, abs=1.5)


def test_deviation_of_a_file_that_is_the_same_everywhere_fails(files, tmp_path):
    def shift(test):
        (record,) = test["outputs"].values()
        values = np.frombuffer(base64.b64decode(record["values"]), "<i2") - 1
        record["values"] = base64.b64encode(values.astype("<i2")).decode()
        record["least_sqnr_db"] = 6.0

    path = rewrite(files["int8"], tmp_path / "shifted.tflite", shift)
    result = check_self_test(path)
    assert (result.verdict, result.passed) == ("within", False)


# === Damaged records ===


def without(*keys):
    def edit(test):
        (record,) = test["outputs"].values()
        for key in keys:
            (test if key in test else record).pop(key)

    return edit


def with_values(**fields):
    def edit(test):
        for key, value in fields.items():
            (record,) = test["outputs"].values()
            (test if key in test else record)[key] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        without("runtime"),
        without("expected"),
        without("dtype"),
        without("values"),
        without("least_sqnr_db"),
        with_values(outputs={}),
        with_values(outputs=[]),
        with_values(expected="different"),
        with_values(covers="everything"),
        with_values(scale=0),
        with_values(scale=-1.0),
        with_values(scale="small"),
        with_values(dtype="object"),
        with_values(shape=[1, 2]),
        with_values(shape=7),
        with_values(values="%%%"),
        with_values(values="AAA="),
        with_values(values="AAAA"),
        with_values(values=None),
        with_values(least_sqnr_db=None),
    ],
)
def test_damaged_record_is_an_error_that_names_the_file(files, tmp_path, edit):
    path = rewrite(files["int8"], tmp_path / "damaged.tflite", edit)
    with pytest.raises(ValueError, match=r"self-test in .*damaged\.tflite"):
        check_self_test(path)


def test_file_without_self_test_says_how_to_get_one(tmp_path, tiny_float):
    path = tmp_path / "bare.tflite"
    path.write_bytes(tiny_float)
    with pytest.raises(ValueError, match="no self-test: export it"):
        check_self_test(path)
