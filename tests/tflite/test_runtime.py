"""Running, evaluating and timing files; the command line tools."""

import sys

import numpy as np
import pytest
from PIL import Image
from small_model import LABELS, SIZE, make_images

from keras_mobilevit.tflite import (
    ImageModel,
    compare,
    evaluate,
    inspect,
    measure_latency,
    read_metadata,
)
from keras_mobilevit.tflite.evaluation import _sqnr


def write_images(folder, model):
    """A folder whose class names are the model's own answers but for one."""
    answers = []
    for index, image in enumerate(make_images(8, seed=3)):
        answer = int(model.predict(image).argmax())
        label = LABELS[answer]
        if index == 0:
            label = LABELS[(answer + 1) % len(LABELS)]
        path = folder / label / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        answers.append(answer)
    return answers


def test_classify_sorts_and_names(files, tmp_path):
    model = ImageModel(files["int8"])
    (image,) = make_images(1, seed=4)
    Image.fromarray(image).save(tmp_path / "a.png")
    # The crop fraction of the file applies to what is read from disk.
    probabilities = model.predict(model.load_image(tmp_path / "a.png"))
    predictions = model.classify(tmp_path / "a.png", top=3)
    assert len(predictions) == 3
    order = np.argsort(-probabilities)[:3]
    assert [p.label for p in predictions] == [LABELS[i] for i in order]
    assert [p.probability for p in predictions] == [
        float(probabilities[i]) for i in order
    ]
    assert model.size == SIZE


def test_crop_fraction_of_the_file_is_used(files, tmp_path):
    height, width = SIZE
    grown = np.zeros((round(height / 0.875), round(width / 0.875), 3), "uint8")
    grown[2:-2, 2:-2] = 255
    Image.fromarray(grown).save(tmp_path / "a.png")
    assert ImageModel(files["int8"]).load_image(tmp_path / "a.png").min() == 255


def test_files_that_are_no_models(tmp_path):
    with pytest.raises(FileNotFoundError, match="no .tflite file"):
        ImageModel(tmp_path / "missing.tflite")
    path = tmp_path / "page.tflite"
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError):
        ImageModel(path)
    assert read_metadata(path) is None


def test_damaged_metadata(files, tmp_path):
    data = files["int8"].read_bytes()
    path = tmp_path / "a.tflite"
    path.write_bytes(data.replace(b"recipe", b"rezipe"))
    with pytest.raises(ValueError, match="metadata"):
        read_metadata(path)


def test_evaluate(files, tmp_path, monkeypatch):
    # More pictures than go through the models at a time.
    monkeypatch.setattr("keras_mobilevit.tflite.evaluation._CHUNK", 3)
    reference = ImageModel(files["float32"])
    write_images(tmp_path, reference)
    results = evaluate(
        {"f32": reference, "int8": ImageModel(files["int8"])},
        tmp_path,
        LABELS,
    )
    assert results["f32"].images == 8
    assert results["f32"].top1 == 7 / 8
    assert results["f32"].agreement == 1
    assert results["f32"].sqnr == float("inf")
    assert 15 < results["int8"].sqnr < 60


def test_evaluate_limit_and_unknown_folder(files, tmp_path):
    model = ImageModel(files["float32"])
    write_images(tmp_path, model)
    assert evaluate({"a": model}, tmp_path, LABELS, limit=4)["a"].images == 4
    with pytest.raises(ValueError, match="named after the classes"):
        evaluate({"a": model}, tmp_path, ["other"])


def test_sqnr_against_a_hand_computed_value():
    """Logits (1, -1) against (1.1, -1.1): noise is a hundredth of signal."""
    reference = np.exp([[1.0, -1.0]])
    output = np.exp([[1.1, -1.1]])
    assert _sqnr(
        reference / reference.sum(), output / output.sum()
    ) == pytest.approx(20.0, abs=1e-4)


def test_inspect_sees_what_is_left_out(tmp_path):
    """An operation that XNNPACK lacks splits this graph in two."""
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec((1, 4, 4, 3))])
    def split(x):
        return tf.nn.relu(tf.cumsum(tf.nn.relu(x), axis=1))

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [split.get_concrete_function()], split
    )
    path = tmp_path / "split.tflite"
    path.write_bytes(converter.convert())
    result = inspect(path)
    assert result.left_out == {"CUMSUM": 1}
    assert result.delegated == result.nodes - 1
    assert result.partitions == 2


def test_latency_and_comparison(files):
    paths = [files["float32"], files["int8"]]
    assert all(ms > 0 for ms in measure_latency(paths, runs=2, warmup=1))
    first, second = compare(paths, make_images(3), runs=2)
    assert (first.speedup, first.agreement) == (1, 1)
    assert second.inspection.size == paths[1].stat().st_size


def run_tool(name, *argv):
    tool = pytest.importorskip(name)
    return tool.main([str(arg) for arg in argv])


@pytest.fixture(autouse=True)
def tools_on_path(monkeypatch, request):
    monkeypatch.syspath_prepend(request.config.rootpath / "tools")
    yield
    for name in ("export_tflite", "classify", "evaluate"):
        sys.modules.pop(name, None)


def test_tools_from_keras_file_to_class_names(model, tmp_path, capsys):
    model.save(tmp_path / "model.keras")
    (tmp_path / "names.txt").write_text("\n".join(LABELS))
    images = tmp_path / "images"
    images.mkdir()
    for index, image in enumerate(make_images(3)):
        Image.fromarray(image).save(images / f"{index}.png")
    output = tmp_path / "model.tflite"
    assert not run_tool(
        "export_tflite",
        *("--keras", tmp_path / "model.keras"),
        *("--recipe", "int8", "--calibration", images),
        *("--labels", tmp_path / "names.txt", "-o", output),
    )
    assert inspect(output).partitions == 1
    capsys.readouterr()
    assert not run_tool("classify", images / "0.png", "--model", output)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(images / "0.png")
    assert {line.split()[-1] for line in lines[1:]} == set(LABELS)


def test_export_tool_builds_variants(tmp_path, capsys):
    output = tmp_path / "model.tflite"
    assert not run_tool(
        "export_tflite",
        *("--model", "mobilevit_xxs", "--weights", "none", "--classes", "3"),
        *("--size", "32x64", "--recipe", "float32", "-o", output),
    )
    assert ImageModel(output).size == (32, 64)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--weights", "nowhere.pt"], "no checkpoint file"),
        (["--weights", "none", "--recipe", "int8"], "calibration"),
        (
            ["--weights", "none", "--calibration", "nowhere"],
            "no folder or tar",
        ),
    ],
)
def test_export_tool_errors(tmp_path, capsys, argv, message):
    output = tmp_path / "model.tflite"
    assert run_tool(
        "export_tflite", "--model", "mobilevit_xxs", *argv, "-o", output
    )
    error = capsys.readouterr().err
    assert message in error
    assert not output.exists()


def test_classify_tool_errors(files, tmp_path, capsys):
    assert run_tool("classify", tmp_path / "no.jpg", "--model", files["int8"])
    assert "no picture" in capsys.readouterr().err
