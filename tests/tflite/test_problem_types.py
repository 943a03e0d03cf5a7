"""Binary, multi-label and regression outputs, from file to figures."""

import dataclasses
import json
import math

import keras
import numpy as np
import pytest
from image_files import encode, plain, write_folder
from micro_model import Tensor, micro_model

from keras_mobilevit import open_model
from keras_mobilevit.model_info import ModelInfo, OutputSpec
from keras_mobilevit.tflite import (
    ImageModel,
    evaluate,
    export_searched,
    export_tflite,
    fidelity_meter,
    read_metadata,
)
from keras_mobilevit.tflite.flatbuffer import read_model
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.output_scores import output_scores
from keras_mobilevit.tflite.scoring import accuracy_scorer, sqnr_scorer

RED, GREEN, BLUE, YELLOW, BLACK = (
    plain(rgb)
    for rgb in (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 0),
        (0, 0, 0),
    )
)
# Of a colour that is there; the opposite of one that is not.
LOGIT = 3.0
SURE = 1 / (1 + math.exp(-LOGIT))


def colours(count, activation=None, scale=2 * LOGIT, bias=-LOGIT):
    """`scale` times the mean of the first colours, in [0, 1], and a bias."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    dense = keras.layers.Dense(count, activation)
    model = keras.Model(inputs, dense(x))
    dense.set_weights([scale * np.eye(3)[:, :count], np.full(count, bias)])
    return model


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("problems")

    def export(name, model, **options):
        return export_tflite(
            model, folder / f"{name}.tflite", "float32", **options
        )

    return export


@pytest.fixture(scope="module")
def binary(export):
    return export("binary", colours(1, "sigmoid"), labels=("cold", "warm"))


@pytest.fixture(scope="module")
def several(export):
    return export("several", colours(3, "sigmoid"), labels=("r", "g", "b"))


@pytest.fixture(scope="module")
def values(export):
    return export(
        "values",
        colours(1, scale=10, bias=1),
        labels=("redness",),
        problem_type="regression",
    )


# === What is recorded ===


def test_files_record_it(binary, several, values):
    for path, problem_type, kind, classes in (
        (binary, "binary", "probabilities", 2),
        (several, "multi_label", "probabilities", 3),
        (values, "regression", None, 1),
    ):
        info = read_metadata(path)
        assert info.output.problem_type == problem_type
        assert (info.output.kind, info.classes) == (kind, classes)


@pytest.mark.parametrize(
    ("count", "activation", "expected"),
    [
        (1, "sigmoid", ("binary", "probabilities")),
        (1, None, ("binary", "logits")),
        (1, "relu", ("regression", None)),
        (3, "sigmoid", ("multi_label", "probabilities")),
        (3, "softmax", ("single_label", "probabilities")),
        (3, None, ("single_label", "logits")),
        (3, "relu", (None, None)),
    ],
)
def test_the_last_activation_tells(count, activation, expected):
    output = ExportOptions().describe(colours(count, activation)).output
    assert (output.problem_type, output.kind) == expected


def test_files_that_do_not_record_it(binary, several, values, tmp_path):
    """As those of before: the last operation tells."""
    for path, expected in ((binary, "binary"), (several, "multi_label")):
        data = path.read_bytes()
        assert output_scores(read_model(data)).problem_type == expected
        old = ModelInfo(labels=read_metadata(path).labels)
        flatbuffer = data[: data.index(b"PK\3\4")]
        for name, file in (
            ("old", append_metadata(flatbuffer, old)),
            ("foreign", flatbuffer),
        ):
            target = tmp_path / f"{name}.tflite"
            target.write_bytes(file)
            model = ImageModel(target)
            assert model.scores.problem_type == expected
            found = dict(model.classify(encode(RED)))
            label = {"old": {"binary": "warm"}.get(expected, "r")}.get(
                name, "1" if expected == "binary" else "0"
            )
            assert found[label] == pytest.approx(SURE, abs=1e-5)


@pytest.mark.parametrize(
    ("count", "options", "match"),
    [
        (1, {"labels": ("a", "b", "c")}, "2 classes.*3 labels"),
        (3, {"labels": ("a", "b")}, "3 classes.*2 labels"),
        (3, {"problem_type": "binary"}, "output of 3 numbers"),
        (1, {"problem_type": "single_label"}, "binary"),
        (1, {"problem_type": "ranking"}, "problem_type.*ranking"),
    ],
)
def test_what_does_not_fit(count, options, match):
    with pytest.raises(ValueError, match=match):
        ExportOptions(**options).describe(colours(count))


# === Answers ===


def test_binary_answers(binary):
    """Both names, at 0.5; of a softmax over both classes the same."""
    model = open_model(binary)
    assert model.predict(RED) == [
        ("warm", pytest.approx(SURE, abs=1e-5)),
        ("cold", pytest.approx(1 - SURE, abs=1e-5)),
    ]
    assert model.predict(BLUE)[0] == ("cold", pytest.approx(SURE, abs=1e-5))
    assert [p.label for p in model.predict(BLUE, top=1)] == ["cold"]


def test_binary_logits(export):
    path = export("logits", colours(1), labels=("cold", "warm"))
    assert open_model(path).predict(RED)[0] == (
        "warm",
        pytest.approx(SURE, abs=1e-5),
    )


def test_the_name_of_one_class_is_enough(export):
    path = export("one", colours(1, "sigmoid"), labels=("warm",))
    found = dict(open_model(path).predict(BLUE))
    assert found == {
        "warm": pytest.approx(1 - SURE, abs=1e-5),
        "not warm": pytest.approx(SURE, abs=1e-5),
    }


def test_several_labels(several):
    """Those above 0.5, best first; there may be none."""
    model = open_model(several)
    found = dict(model.predict(YELLOW))
    assert found == {
        "r": pytest.approx(SURE, abs=1e-5),
        "g": pytest.approx(SURE, abs=1e-5),
    }
    assert model.predict(BLACK) == []
    assert len(model.predict(YELLOW, top=1)) == 1


def test_values(values):
    ((label, value),) = open_model(values).predict(RED)
    assert (label, value) == ("redness", pytest.approx(11, abs=1e-4))


def test_the_command(binary, several, values, tmp_path, command, capsys):
    files = {"red.png": encode(RED), "black.png": encode(BLACK)}
    folder = write_folder(tmp_path, files)
    for path, red, black in (
        (binary, "   95.3%  warm\n    4.7%  cold\n", "   95.3%  cold"),
        (several, "   95.3%  r\n", "  nothing above 50%\n"),
        (values, "          11  redness\n", "           1  redness\n"),
    ):
        for name, expected in (("red", red), ("black", black)):
            picture = folder / f"{name}.png"
            assert not command("predict", picture, "--model", path)
            assert capsys.readouterr().out.startswith(f"{picture}\n{expected}")


def test_no_more_answers_than_classes(export, tmp_path):
    path = export("two", colours(2, "softmax"), labels=("r", "g"))
    assert len(open_model(path).predict(RED)) == 2


# === Figures ===


def test_accuracy_of_a_single_score(binary, tmp_path):
    """Green that is called warm is wrong; the others are right."""
    folder = write_folder(
        tmp_path / "pictures",
        {
            "warm/red.png": encode(RED),
            "warm/green.png": encode(GREEN),
            "cold/blue.png": encode(BLUE),
            "cold/black.png": encode(BLACK),
        },
    )
    both = colours(2, "softmax")
    # The score of the second class, and nothing for the first.
    kernel, bias = np.zeros((3, 2)), np.zeros(2)
    kernel[0, 1], bias[1] = 2 * LOGIT, -LOGIT
    both.layers[-1].set_weights([kernel, bias])
    results = evaluate(
        {
            "file": binary,
            "logits": colours(1),
            "softmax": both,
            "opposite": colours(1, "sigmoid", -2 * LOGIT, LOGIT),
        },
        folder,
        ("cold", "warm"),
    )
    for name in ("file", "logits", "softmax"):
        result = results[name]
        assert (result.top1, result.top5, result.agreement) == (0.75, None, 1)
        assert result.sqnr > 80
        assert result.calibration_error == pytest.approx(SURE - 0.75, abs=1e-5)
    opposite = results["opposite"]
    assert (opposite.top1, opposite.agreement) == (0.25, 0)
    assert opposite.sqnr == pytest.approx(-10 * math.log10(4), abs=1e-3)


def test_average_precision_of_labels(several, tmp_path, command, capsys):
    """Red: one of two is right, then two of four. Green: the first is."""
    pictures = write_folder(
        tmp_path / "pictures",
        {
            f"{name}.png": encode(image)
            for name, image in (
                ("yellow", YELLOW),
                ("red", RED),
                ("blue", BLUE),
                ("black", BLACK),
            )
        },
    )
    targets = tmp_path / "targets.csv"
    # In another order than the outputs.
    targets.write_text(
        "picture,g,r,b\nyellow.png,1,1,0\nred.png,0,0,0\nblue.png,0,0,0\n"
        "black.png,0,1,0\n"
    )
    labels = ("r", "g", "b")
    result = evaluate(
        {"a": several, "b": colours(3)},
        pictures,
        labels,
        targets=targets,
        problem_type="multi_label",
    )["b"]
    assert result.mean_average_precision == pytest.approx((0.5 + 1) / 2)
    assert result.label_accuracy == pytest.approx(9 / 12)
    assert (result.agreement, result.difference) == (1, 0)
    assert result.sqnr > 80
    report = tmp_path / "report.json"
    argv = ("--targets", targets, "--json", report)
    assert not command("evaluate", pictures, "--model", several, *argv)
    assert "| 75.00 " in capsys.readouterr().out
    facts = json.loads(report.read_text())["models"][str(several)]
    assert facts["mean_average_precision"] == pytest.approx(0.75)


def test_the_folders_of_pictures_are_their_only_label(several, tmp_path):
    folder = write_folder(
        tmp_path, {"r/1.png": encode(RED), "g/1.png": encode(BLUE)}
    )
    result = evaluate({"a": several}, folder, ("r", "g", "b"))["a"]
    # Green is on none with more certainty than on the other.
    assert result.mean_average_precision == pytest.approx((1 + 0.5) / 2)


def test_errors_of_values(values, tmp_path):
    """Answers 11 and 1, truth 9 and 0: errors of 2 and 1."""
    folder = write_folder(
        tmp_path / "pictures", {"a.png": encode(RED), "b.png": encode(BLUE)}
    )
    targets = tmp_path / "targets.csv"
    targets.write_text("picture,redness\na.png,9\nb.png,0\n")
    other = colours(1, scale=9, bias=2)
    results = evaluate(
        {"a": values, "b": other},
        folder,
        targets=targets,
        problem_type="regression",
    )
    assert results["a"].rmse == pytest.approx(math.sqrt(5 / 2), abs=1e-4)
    assert results["a"].r2 == pytest.approx(1 - 5 / 40.5, abs=1e-4)
    # Answers 11 and 2: differences of 0 and 1 to a signal of ±5.
    assert results["b"].deviation == pytest.approx(math.sqrt(1 / 2), abs=1e-4)
    assert results["b"].sqnr == pytest.approx(10 * math.log10(50), abs=1e-3)


def test_bad_targets(several, values, tmp_path):
    folder = write_folder(tmp_path / "p", {"a.png": encode(RED)})
    targets = tmp_path / "targets.csv"
    for text, match in (
        ("picture,r,g\na.png,1,0\n", r"without \['b'\]"),
        ("picture,r,g,b\na.png,1,0\n", "a number for each output in line 2"),
        ("picture,r,g,b\na.png,1,0,x\n", "a number for each output in line 2"),
        ("picture,r,g,b\nc.png,1,0,1\n", r"'a\.png'.*'c\.png'"),
        ("", "first line names its columns"),
    ):
        targets.write_text(text)
        with pytest.raises(ValueError, match=match):
            evaluate({"a": several}, folder, ("r", "g", "b"), targets=targets)
    with pytest.raises(ValueError, match="must answer the same"):
        evaluate({"a": several, "b": values}, folder)
    with pytest.raises(ValueError, match="Folders name the classes"):
        evaluate({"a": colours(3)}, folder, targets=targets)


# === Exports and searches ===


def scorer_files():
    """Float32 and a file whose logits are a tenth larger."""
    pixel, row = Tensor((1, 1, 1, 1)), Tensor((1, 1))

    def file(factor):
        tensors = {
            "image": pixel,
            "factor": Tensor((1,), values=factor / 128),
            "offset": Tensor((1,), values=-factor),
            "scaled": pixel,
            "moved": pixel,
            "shape": Tensor((2,), "int32", values=(1, 1)),
            "logit": row,
            "output": row,
        }
        nodes = [
            ("MUL", ["image", "factor"], ["scaled"], ("MulOptions", {})),
            ("ADD", ["scaled", "offset"], ["moved"], ("AddOptions", {})),
            ("RESHAPE", ["moved", "shape"], ["logit"], None),
            ("LOGISTIC", ["logit"], ["output"], None),
        ]
        return micro_model(tensors, nodes, signature="serve")

    return file(1.0), file(1.1), file(-1.0)


PIXELS = np.array([0, 64, 192, 255], np.uint8).reshape(-1, 1, 1, 1)


def test_searches_see_the_noise_of_a_single_score():
    """An error of a tenth is 20 dB; before, it was infinite."""
    reference, larger, opposite = scorer_files()
    score = sqnr_scorer(reference, PIXELS)
    assert score(larger) == pytest.approx(20, abs=0.01)
    assert score(opposite) == pytest.approx(-10 * math.log10(4), abs=0.01)
    right = accuracy_scorer(PIXELS, [0, 0, 1, 1])
    assert (right(larger), right(opposite)) == (100, 0)


def test_the_check_of_exports_sees_it():
    reference, larger, opposite = scorer_files()
    measure = fidelity_meter(reference, PIXELS, "classification")
    found = measure(larger)
    assert (found.agreement, found.parts.keys()) == (1, {"logits"})
    assert found.sqnr == pytest.approx(20, abs=0.01)
    assert measure(opposite).agreement == 0


def test_values_are_not_centred_over_the_outputs(values):
    """The same error of all outputs is one."""
    data = values.read_bytes()
    images = np.stack([RED, BLUE, GREEN])
    measure = fidelity_meter(data, images, "classification", "regression")
    found = measure(data)
    assert (found.agreement, found.parts) == (None, {"values": 200})


def test_searches_for_accuracy_count_single_labels(several, tmp_path):
    with pytest.raises(ValueError, match="`max_drop` counts.*multi_label"):
        export_searched(
            colours(3, "sigmoid"),
            tmp_path / "a.tflite",
            max_drop=1,
            labelled=tmp_path,
            labels=("r", "g", "b"),
        )


# === Rounded outputs ===


def rounded_softmax(scale=None):
    """Logits that are pixels over 32, and their softmax, in uint8 or not."""
    pixel, row = Tensor((1, 1, 1, 3)), Tensor((1, 3))
    tensors = {
        "image": pixel,
        "factor": Tensor((1,), values=1 / 32),
        "scaled": pixel,
        "shape": Tensor((2,), "int32", values=(1, 3)),
        "logits": row,
        "softmax": row,
    }
    nodes = [
        ("MUL", ["image", "factor"], ["scaled"], ("MulOptions", {})),
        ("RESHAPE", ["scaled", "shape"], ["logits"], None),
        ("SOFTMAX", ["logits"], ["softmax"], ("SoftmaxOptions", {"beta": 1.0})),
    ]
    if scale is not None:
        tensors["output"] = Tensor((1, 3), "uint8", scale=scale)
        nodes.append(("QUANTIZE", ["softmax"], ["output"], None))
    return micro_model(tensors, nodes, signature="serve")


@pytest.mark.parametrize("scale", [1 / 256, 1 / 255, 1 / 200])
def test_the_file_states_its_step(scale, tmp_path):
    """Whatever it is, a 0 is half of it, and no logit of -87."""
    paths = []
    for name, file in (
        ("float", rounded_softmax()),
        ("uint8", rounded_softmax(scale)),
    ):
        paths.append(tmp_path / f"{name}.tflite")
        paths[-1].write_bytes(file)
    scores = ImageModel(paths[1]).scores
    assert scores.problem_type == "single_label"
    assert scores.kind == "probabilities"
    assert scores.step == pytest.approx(scale)
    pixels = np.random.default_rng(0).integers(0, 255, (20, 1, 1, 3), np.uint8)
    files = {f"{i:02}.png": encode(image) for i, image in enumerate(pixels)}
    folder = write_folder(tmp_path / "pictures", files)
    results = evaluate({path.stem: path for path in paths}, folder)
    assert results["uint8"].sqnr > 12
    assert results["float"].sqnr == math.inf


def test_recorded_kinds_count_for_more_than_the_graph(tmp_path):
    """Probabilities of one's own making, without a softmax at the end."""
    path = tmp_path / "a.tflite"
    info = ModelInfo(output=OutputSpec(kind="logits"))
    path.write_bytes(append_metadata(rounded_softmax(), info))
    assert ImageModel(path).scores.kind == "logits"
    info = dataclasses.replace(
        info, output=OutputSpec(problem_type="multi_label")
    )
    path.write_bytes(append_metadata(rounded_softmax(), info))
    scores = ImageModel(path).scores
    assert (scores.kind, scores.problem_type) == (
        "probabilities",
        "multi_label",
    )
