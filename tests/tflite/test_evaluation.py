"""Evaluation of models whose answers can be worked out by hand, and of files.

The colour model gives the mean of red, green and blue as logits. On pictures
of one colour it is certain to `CERTAINTY`.
"""

import json
import math
import sys
import tarfile
import threading
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image
from small_model import LABELS, make_images

from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.named_models import NamedModel
from keras_mobilevit.tflite import ImageModel, evaluate, runners
from keras_mobilevit.tflite.evaluation import candidates
from keras_mobilevit.tflite.evaluation import evaluate as evaluation
from keras_mobilevit.tflite.evaluation.candidates import (
    Candidate,
    common_settings,
    open_candidate,
    read_labels,
)
from keras_mobilevit.tflite.metadata import Metadata, append_metadata

COLOURS = ("red", "green", "blue")
LOGIT = math.log(18)
CERTAINTY = 18 / (18 + 1 + 1)


def colour_model(seen=(1, 1, 1), size=(8, 8), softmax=False, bias=0.0):
    """Logits: the mean of each colour that is seen, in [0, LOGIT]."""
    inputs = keras.Input((*size, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    scale = [LOGIT / 255 * share for share in seen]
    x = keras.layers.Rescaling(scale, offset=[bias] * 3)(x)
    if softmax:
        x = keras.layers.Softmax()(x)
    return keras.Model(inputs, x)


def paint(path, colour, size=(8, 8)):
    image = np.zeros((*size, 3), np.uint8)
    image[..., COLOURS.index(colour)] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def pictures(tmp_path):
    """One picture of each colour, and a green one that is called red."""
    folder = tmp_path / "pictures"
    for colour in COLOURS:
        paint(folder / colour / "1.png", colour)
    paint(folder / "red" / "2.png", "green")
    return folder


# === The figures ===


def test_hand_computed(pictures):
    """Who sees no blue is right on 2 of 4 where the first is right on 3."""
    results = evaluate(
        {"all": colour_model(), "no blue": colour_model((1, 1, 0))},
        pictures,
        COLOURS,
    )
    first, second = results["all"], results["no blue"]
    assert (first.images, first.skipped) == (4, ())
    assert (first.top1, second.top1) == (3 / 4, 2 / 4)
    assert (first.top5, second.top5) == (1, 1)
    # Wilson: (3 + z²/2 ± z √(3·1/4 + z²/4)) / (4 + z²), with z = 1.959964.
    assert first.top1_interval == pytest.approx((0.30064, 0.95441), abs=1e-5)
    assert second.top1_interval == pytest.approx((0.15004, 0.84996), abs=1e-5)
    assert first.top5_interval == pytest.approx((0.51011, 1), abs=1e-5)
    assert (first.difference, second.difference) == (0, -1 / 4)
    # None gained and one lost: -1/6 ± z √((1/6 + 2/6 - 1/36) / 6).
    assert second.difference_interval == pytest.approx(
        (-0.71652, 0.38319), abs=1e-5
    )
    assert (first.agreement, second.agreement) == (1, 3 / 4)
    assert second.agreement_interval == first.top1_interval
    # Of four equal signals one is all noise.
    assert second.sqnr == pytest.approx(10 * math.log10(4), abs=1e-4)
    assert first.sqnr == first.median_sqnr == second.median_sqnr == math.inf
    assert first.calibration_error == pytest.approx(CERTAINTY - 3 / 4, abs=1e-6)
    # Of the three pictures that it is certain of, two are right.
    assert second.calibration_error == pytest.approx(
        (3 * CERTAINTY - 2) / 4 + (1 / 3) / 4, abs=1e-6
    )


def test_probabilities_and_logits_have_the_same_figures(pictures):
    results = evaluate(
        {
            "logits": colour_model(bias=3),
            "probabilities": colour_model(softmax=True),
        },
        pictures,
        COLOURS,
    )
    first, second = results.values()
    assert second.sqnr > 100
    assert second.agreement == 1
    assert second.calibration_error == pytest.approx(
        first.calibration_error, abs=1e-6
    )


def test_without_folders_there_are_no_labels(tmp_path):
    for colour in COLOURS:
        paint(tmp_path / f"{colour}.png", colour)
    models = {"all": colour_model(), "no blue": colour_model((1, 1, 0))}
    result = evaluate(models, tmp_path, COLOURS)["no blue"]
    assert (result.images, result.agreement) == (3, 2 / 3)
    assert result.sqnr == pytest.approx(10 * math.log10(3), abs=1e-4)
    assert result.top1 is result.top1_interval is None
    assert result.top5 is result.top5_interval is None
    assert result.difference is result.difference_interval is None
    assert result.calibration_error is None


def test_without_labels_folders_do_not_matter(pictures):
    result = evaluate({"all": colour_model()}, pictures)["all"]
    assert (result.images, result.top1) == (4, None)


def test_top5_of_more_than_five_classes(tmp_path):
    """The label of each picture is the n-th answer to it."""
    bias = np.arange(8)[::-1].astype(np.float32)
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(8, kernel_initializer="zeros")
    model = keras.Model(inputs, dense(x))
    dense.bias.assign(bias)
    labels = [f"answer {i}" for i in range(8)]
    for label in labels:
        paint(tmp_path / label / "a.png", "red")
    result = evaluate({"a": model}, tmp_path, labels)["a"]
    assert (result.top1, result.top5) == (1 / 8, 5 / 8)


# === Pictures ===


def test_pictures_that_can_not_be_read(pictures):
    models = {"a": colour_model(), "b": colour_model((1, 1, 0))}
    expected = evaluate(models, pictures, COLOURS)
    (pictures / "green" / "bad.png").write_bytes(b"no picture")
    (pictures / "blue" / "0.jpg").write_bytes(b"")
    found = evaluate(models, pictures, COLOURS, workers=2)
    for name in models:
        assert found[name].skipped == ("blue/0.jpg", "green/bad.png")
        assert found[name].images == 4
        assert found[name].top1 == expected[name].top1
        assert found[name].sqnr == expected[name].sqnr


def test_none_can_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"None of the 1 .*such as a\.png"):
        evaluate({"a": colour_model()}, tmp_path)


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(ValueError, match="holds no picture"):
        evaluate({"a": colour_model()}, tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder or tar"):
        evaluate({"a": colour_model()}, tmp_path / "none")


def test_tar_and_limit(pictures, tmp_path):
    """Every second of blue/1, green/1, red/1 and red/2."""
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(pictures, ".")
    model = colour_model()
    result = evaluate({"a": model}, tmp_path / "a.tar", COLOURS)["a"]
    assert (result.images, result.top1) == (4, 3 / 4)
    result = evaluate({"a": model}, tmp_path / "a.tar", COLOURS, limit=2)["a"]
    assert (result.images, result.top1) == (2, 1)


def test_preprocessing(pictures, monkeypatch):
    """All models get the picture that `load_image` makes, once."""
    calls = []

    def load_image(data, *arguments):
        calls.append(arguments)
        return np.full((8, 8, 3), (0, 0, 255), np.uint8)

    monkeypatch.setattr(evaluation, "load_image", load_image)
    models = {"a": colour_model(), "b": colour_model()}
    options = dict(crop_fraction=0.5, native_size=4)
    results = evaluate(models, pictures, COLOURS, **options)
    assert calls == [((8, 8), 0.5, 4)] * 4
    assert results["a"].top1 == results["b"].top1 == 1 / 4


# === What does not fit ===


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("red", "green"), "blue"),
        (("red", "green", "green", "blue"), "green"),
    ],
)
def test_folders_must_name_a_class(pictures, labels, found):
    with pytest.raises(ValueError, match=f"named after .*'{found}'"):
        evaluate({"a": colour_model()}, pictures, labels)


def test_pictures_beside_class_folders(pictures):
    paint(pictures / "stray.png", "red")
    with pytest.raises(ValueError, match="named after"):
        evaluate({"a": colour_model()}, pictures, COLOURS)


def test_sizes_must_be_equal(pictures):
    models = {"a": colour_model(), "b": colour_model(size=(8, 16))}
    with pytest.raises(ValueError, match="one input size"):
        evaluate(models, pictures, COLOURS)


def test_a_model_of_any_size_takes_that_of_the_others(pictures):
    free = colour_model(size=(None, None))
    results = evaluate({"a": free, "b": colour_model()}, pictures, COLOURS)
    assert results["a"].top1 == 3 / 4
    with pytest.raises(ValueError, match="one of them must fix"):
        evaluate({"a": free}, pictures, COLOURS)


def test_classes_must_be_as_many_as_labels(pictures):
    labels = (*COLOURS, "black")
    with pytest.raises(ValueError, match=r"4 classes.*\(3,\)"):
        evaluate({"a": colour_model()}, pictures, labels)
    pooling = keras.layers.GlobalAveragePooling2D()
    grey = keras.Sequential(
        [keras.Input((8, 8, 3)), pooling, keras.layers.Dense(2)]
    )
    with pytest.raises(ValueError, match=r"any number.*\(3,\).*\(2,\)"):
        evaluate({"a": colour_model(), "b": grey}, pictures)
    feature_map = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1.0)]
    )
    with pytest.raises(ValueError, match="one vector"):
        evaluate({"a": feature_map}, pictures)


def test_outputs_must_be_finite(pictures):
    models = {"a": colour_model(), "b": colour_model((1, 1, float("nan")))}
    with pytest.raises(ValueError, match="outputs of b .* on 4 of 4"):
        evaluate(models, pictures, COLOURS)


@pytest.mark.parametrize(
    "option",
    [
        dict(workers=0),
        dict(limit=0),
        dict(crop_fraction=0.0),
        dict(crop_fraction=1.1),
        dict(native_size=-1),
    ],
)
def test_arguments_out_of_range(pictures, option):
    (name,) = option
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        evaluate({"a": colour_model()}, pictures, COLOURS, **option)


# === Files and workers ===


@pytest.fixture(scope="module")
def photos(files, tmp_path_factory):
    """Eight pictures, named after the float file's answers but for one."""
    folder = tmp_path_factory.mktemp("photos")
    model = ImageModel(files["float32"])
    for index, image in enumerate(make_images(8, seed=3)):
        Image.fromarray(image).save(folder / "a.png")
        answer = model.predict(model.load_image(folder / "a.png")).argmax()
        label = LABELS[(answer + (index == 0)) % len(LABELS)]
        (folder / label).mkdir(exist_ok=True)
        (folder / "a.png").rename(folder / label / f"{index}.png")
    return folder


def test_files_and_keras_side_by_side(model, files, photos):
    results = evaluate(
        {"keras": model, "f32": files["float32"], "int8": files["int8"]},
        photos,
        LABELS,
        crop_fraction=0.875,
    )
    assert results["keras"].top1 == results["f32"].top1 == 7 / 8
    assert results["f32"].agreement == 1
    assert results["f32"].sqnr > 80
    assert 15 < results["int8"].sqnr < 60


def test_workers_do_not_change_results(files, photos, monkeypatch):
    """Nor does how many pictures go through at a time."""
    paths = {name: files[name] for name in ("float32", "int8")}
    expected = evaluate(paths, photos, LABELS)
    assert 15 < expected["int8"].sqnr < 60
    monkeypatch.setattr(evaluation, "_CHUNK", 3)
    opened = {name: ImageModel(path) for name, path in paths.items()}
    for models in (paths, opened):
        for workers in (1, 2, 3):
            found = evaluate(models, photos, LABELS, workers=workers)
            assert found == expected


def test_workers_run_at_the_same_time(pictures, monkeypatch):
    """Each answer waits for another one."""
    together = threading.Barrier(2)

    class Waiting:
        size = (8, 8)

        def __init__(self, path):
            self.busy = False

        def predict(self, image):
            assert not self.busy
            self.busy = True
            together.wait(timeout=60)
            self.busy = False
            return image.mean(axis=(0, 1))

    monkeypatch.setattr(runners, "ImageModel", Waiting)
    result = evaluate({"a": "a.tflite"}, pictures, COLOURS, workers=2)["a"]
    assert result.top1 == 3 / 4


# === Candidates ===


def relabelled(path, target, **facts):
    """The same file with other metadata, or without."""
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        data = data[: min(info.header_offset for info in archive.infolist())]
    if facts:
        data = append_metadata(data, Metadata("model", "recipe", **facts))
    target.write_bytes(data)
    return str(target)


def test_a_file_knows_its_labels_and_preprocessing(files, tmp_path):
    candidate = open_candidate(str(files["int8"]))
    assert candidate.model == files["int8"]
    assert candidate.labels == LABELS
    assert (candidate.crop_fraction, candidate.native_size) == (0.875, 0)
    bare = open_candidate(relabelled(files["int8"], tmp_path / "a.tflite"))
    assert bare.labels is bare.crop_fraction is bare.native_size is None
    path = relabelled(files["int8"], tmp_path / "b.tflite", native_size=4)
    assert open_candidate(path).labels is None
    assert open_candidate(path).native_size == 4


@pytest.mark.parametrize(
    "name", ["weights:cifar10", "weights:cifar10:mobilevit_xxs"]
)
def test_named_weights_know_their_labels_and_preprocessing(name):
    candidate = open_candidate(name)
    assert candidate.model.name == "mobilevit_xxs"
    assert candidate.labels == WEIGHTS["cifar10"].labels
    assert (candidate.crop_fraction, candidate.native_size) == (1.0, 32)


def test_a_keras_file_knows_nothing(tmp_path):
    colour_model().save(tmp_path / "a.keras")
    candidate = open_candidate(str(tmp_path / "a.keras"))
    assert candidate.model.input_shape == (None, 8, 8, 3)
    assert candidate.labels is candidate.crop_fraction is None


@pytest.mark.parametrize(
    ("shape", "task"),
    [
        ((3,), "classification"),
        ((8, 7), "detection"),
        ((8, 8, 3), "segmentation"),
    ],
)
def test_the_output_of_a_keras_file_tells_its_task(tmp_path, shape, task):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Dense(math.prod(shape))(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Reshape(shape)(x))
    model.save(tmp_path / "a.keras")
    assert open_candidate(str(tmp_path / "a.keras")).task == task


def test_files_tell_their_task(files, tmp_path):
    facts = dict(task="detection", labels=("background", "x"))
    path = relabelled(files["int8"], tmp_path / "a.tflite", **facts)
    candidate = open_candidate(path)
    assert (candidate.task, candidate.labels) == tuple(facts.values())
    assert open_candidate(str(files["int8"])).task == "classification"


@pytest.mark.parametrize(
    ("name", "weights"),
    [("weights:coco", "coco"), ("weights:pascal_voc", "pascal_voc")],
)
def test_weights_tell_their_task(name, weights, monkeypatch):
    """Without a variant it is the smallest."""
    opened = NamedModel(None, ("x",), 1.0, 0, "detection")
    asked = []

    def open_model(*arguments):
        asked.append(arguments)
        return opened

    monkeypatch.setattr(candidates, "open_model", open_model)
    assert open_candidate(name).task == "detection"
    assert asked == [("mobilevit_xxs", weights)]


def test_all_candidates_must_be_for_one_task():
    mixed = {"a": Candidate("a"), "b": Candidate("b", task="detection")}
    with pytest.raises(ValueError, match="for classification.*'b': 'detection"):
        candidates.check_task(mixed, "classification")
    candidates.check_task({"b": mixed["b"]}, "detection")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar10", "weights:NAME"),
        ("weights:nothing", "weights:NAME"),
        ("weights:cifar10:mobilevit_s", "cifar10 weights for"),
    ],
)
def test_names_that_are_no_models(name, message):
    with pytest.raises(ValueError, match=message):
        open_candidate(name)


@pytest.mark.parametrize("suffix", ["keras", "tflite"])
def test_missing_and_damaged_files(pictures, tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=f"no .{suffix} file"):
        open_candidate(str(tmp_path / f"none.{suffix}"))
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(b"no model")
    with pytest.raises(ValueError):
        evaluate({"a": open_candidate(str(path)).model}, pictures)


def test_keras_files_with_layers_of_others(tmp_path):
    @keras.saving.register_keras_serializable("elsewhere")
    class Foreign(keras.layers.Layer):
        pass

    keras.Sequential([keras.Input((8, 8, 3)), Foreign()]).save(
        tmp_path / "a.keras"
    )
    keras.saving.get_custom_objects().pop("elsewhere>Foreign")
    with pytest.raises(ValueError, match="layers are of Keras or of this"):
        open_candidate(str(tmp_path / "a.keras"))


def test_settings_are_those_that_all_agree_on():
    known = Candidate("a", ("x", "y"), 0.5, 16)
    unknown = Candidate("b")
    both = common_settings({"b": unknown, "a": known})
    assert both == (("x", "y"), 0.5, 16)
    assert common_settings({"b": unknown}) == ((), 1.0, 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("labels", ("y", "x")), ("crop_fraction", 1.0), ("native_size", 0)],
)
def test_settings_must_agree_or_be_given(setting, value):
    facts = dict(labels=("x", "y"), crop_fraction=0.5, native_size=16)
    candidates = {
        "one": Candidate("a", **facts),
        "two": Candidate("b", **{**facts, setting: value}),
    }
    with pytest.raises(ValueError, match=f"`{setting}`.*one: .*two: "):
        common_settings(candidates)
    given = common_settings(candidates, **{setting: value})
    assert given == tuple({**facts, setting: value}.values())


def test_labels_as_chosen(pictures, tmp_path):
    assert read_labels("none", pictures) == ()
    assert read_labels("folders", pictures) == ("blue", "green", "red")
    assert read_labels("cifar10", pictures) == WEIGHTS["cifar10"].labels
    (tmp_path / "names.txt").write_text("black\nlight grey\n")
    names = read_labels(str(tmp_path / "names.txt"), pictures)
    assert names == ("black", "light grey")
    with pytest.raises(FileNotFoundError, match="`labels` must be"):
        read_labels("nowhere", pictures)


# === The command line ===


@pytest.fixture
def tool(monkeypatch, request):
    monkeypatch.syspath_prepend(request.config.rootpath / "tools")
    main = pytest.importorskip("evaluate").main
    yield lambda *argv: main([str(arg) for arg in argv])
    sys.modules.pop("evaluate")


def cells(text):
    """Rows of a Markdown table, each a list of cells."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in r.split("|")[1:-1]] for r in rows]


def test_tool(model, files, photos, tool, tmp_path, capsys):
    model.save(tmp_path / "model.keras")
    assert not tool(
        *(photos, "--workers", 2, "--json", tmp_path / "a.json", "--model"),
        *(files["float32"], tmp_path / "model.keras", files["int8"]),
    )
    text = capsys.readouterr().out
    header, _, first, second, third = cells(text)
    assert first[0] == str(files["float32"])
    # Wilson: (7 + z²/2 ± z √(7·1/8 + z²/4)) / (8 + z²).
    assert first[1] == second[1] == "87.50 [52.91, 97.76]"
    assert first[2] == "100.00"
    assert first[4:7] == ["-", "-", "-"]
    # No disagreement: ± z √(2/10 / 10).
    assert second[4:6] == ["+0.00 [-27.72, +27.72]", "100.00"]
    assert second[7:] == ["", ""]
    assert 15 < float(third[6]) < 60
    assert third[7] == f"{files['int8'].stat().st_size:,}"
    assert third[8].endswith(" in 1")
    assert "\n8 images;" in text

    report = json.loads((tmp_path / "a.json").read_text())
    assert (report["crop_fraction"], report["native_size"]) == (0.875, 0)
    facts = report["models"][str(files["int8"])]
    assert f"{facts['sqnr']:.1f}" == third[6]
    assert facts["delegated"] == facts["nodes"] > 300
    assert facts["images"] == 8
    assert report["models"][str(files["float32"])]["sqnr"] is None


def test_tool_without_labels(files, tool, tmp_path, capsys):
    for index, image in enumerate(make_images(3, seed=3)):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert not tool(tmp_path, "--model", files["float32"], files["int8"])
    text = capsys.readouterr().out
    *_, second = cells(text)
    assert second[1:5] == ["-", "-", "-", "-"]
    assert 15 < float(second[6]) < 60
    assert "3 images;" in text and "1 pictures could not be read" in text
    assert "bad.png" in text


def test_tool_takes_labels_and_preprocessing_from_the_user(
    files, photos, tool, tmp_path, capsys
):
    other = relabelled(
        files["float32"], tmp_path / "a.tflite", labels=LABELS[::-1]
    )
    argv = (photos, "--model", files["float32"], other, "--limit", 4)
    assert tool(*argv) == 1
    assert "agree on `labels`" in capsys.readouterr().err
    (tmp_path / "names.txt").write_text("\n".join(LABELS))
    argv = (*argv, "--labels", tmp_path / "names.txt")
    assert tool(*argv) == 1
    assert "agree on `crop_fraction`" in capsys.readouterr().err
    argv = (*argv, "--crop-fraction", 0.875, "--json", tmp_path / "a.json")
    assert not tool(*argv)
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["crop_fraction"] == 0.875
    *_, first, second = cells(capsys.readouterr().out)
    assert first[1] == second[1] != "-"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("nowhere", "--model", "weights:cifar10"), "no folder or tar"),
        (("nowhere", "--model", "none.tflite"), "no .tflite file"),
        (("nowhere", "--model", "cifar10"), "weights:NAME"),
        (
            ("nowhere", "--model", "weights:cifar10", "--labels", "x.txt"),
            "`labels` must be",
        ),
    ],
)
def test_tool_errors(tool, tmp_path, capsys, argv, message):
    report = tmp_path / "a.json"
    assert tool(*argv, "--json", report) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert not report.exists()
