"""Every notebook runs from top to bottom, in a folder of its own."""

import dataclasses
import json
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.tflite import (
    RECIPES,
    export_recipes,
    export_tflite,
    inspect,
    read_metadata,
)

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"
# The others are short: run them to see what they say.
WITH_OUTPUTS = {"detect_and_segment", "quantize_and_debug"}

# What is learned from toy data in an epoch may be too faint for int8, and that
# is said.
FAR_FROM_FLOAT = pytest.mark.filterwarnings(
    "ignore:.*(against|compared with) float32:UserWarning"
)
# One epoch of small pictures.
SHORT = (
    "schedule.epochs=1 schedule.warmup_steps=0 optimizer.ema_momentum=0.5 "
    "sampler.size=64 evaluation.size=64"
)


def code_cells(name):
    cells = json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture
def plain_exports(monkeypatch):
    """Lets int8 exports do without what makes a file accurate.

    That takes most of their time, and what they write has the same form.
    """

    def plain(recipe):
        recipe = RECIPES[recipe]()
        if recipe.activations != "int8":
            return recipe
        return dataclasses.replace(
            recipe,
            balance_channels=False,
            sequential_bias=False,
            moment_rounding=False,
        )

    def export_one(model, path, recipe, **options):
        return export_tflite(model, path, plain(recipe), min_sqnr=0, **options)

    def export_several(model, targets, **options):
        targets = {path: plain(recipe) for path, recipe in targets.items()}
        return export_recipes(model, targets, min_sqnr=0, **options)

    monkeypatch.setattr("keras_mobilevit.tflite.export_tflite", export_one)
    monkeypatch.setattr("keras_mobilevit.tflite.export_recipes", export_several)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function of a notebook's name; it returns its names and last value."""
    pytest.importorskip("skimage")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")

    def run_cells(name):
        *sources, last = ("".join(c["source"]) for c in code_cells(name))
        namespace = {}
        for source in sources:
            exec(source, namespace)
        return namespace, eval(last, namespace)

    return run_cells


@pytest.mark.slow
def test_quickstart(run):
    _, classes = run("quickstart")
    assert classes[0].label == "cat"


def check_files(names):
    """What holds of the exported files, whatever pictures calibrated them."""
    for name, inspection in names["inspections"].items():
        is_whole = inspection.delegated == inspection.nodes
        assert is_whole == (inspection.partitions == 1) == (name != "int8_full")
    # XNNPACK has no int8 kernels for these.
    left_out = {
        group.kind for group in names["inspections"]["int8_full"].reasons
    }
    assert {"SOFTMAX", "RSQRT"} <= left_out
    assert names["steps"][0].score < names["TARGET"] <= names["steps"][-1].score
    assert names["metadata"].recipe == "int8"
    assert names["metadata"].calibration_images == 80
    assert names["metadata"].calibration_seed == 0


@pytest.mark.slow
@FAR_FROM_FLOAT
def test_quantize_and_debug_on_photos(run, monkeypatch):
    monkeypatch.delenv("KERAS_MOBILEVIT_SHARED", raising=False)
    names, classes = run("quantize_and_debug")
    assert classes[0].label == "cat"
    check_files(names)
    assert all(x.top1 is None for x in names["evaluations"].values())


@pytest.mark.slow
@FAR_FROM_FLOAT
def test_quantize_and_debug_on_cifar10(run, monkeypatch, shared_dir):
    monkeypatch.setenv("KERAS_MOBILEVIT_SHARED", str(shared_dir))
    names, classes = run("quantize_and_debug")
    assert classes[0].label == "cat"
    check_files(names)
    # The model card's accuracy, of all 10,000 pictures.
    for evaluation in names["evaluations"].values():
        low, high = evaluation.top1_interval
        assert low < 0.8421 < high


@pytest.mark.slow
@FAR_FROM_FLOAT
def test_finetune_and_deploy(run, plain_exports, monkeypatch, tmp_path):
    """One epoch on three colours: it runs, and its files know the classes."""
    for index in range(30):
        pixels = np.random.default_rng(index).integers(0, 100, (80, 80, 3))
        pixels[..., index % 3] += 150
        part, name = ("train", "test")[index % 5 == 0], "rgb"[index % 3]
        path = tmp_path / "colours" / part / name / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    monkeypatch.setenv("KERAS_MOBILEVIT_FLOWERS", str(tmp_path / "colours"))
    monkeypatch.setenv("KERAS_MOBILEVIT_SET", f"{SHORT} sampler.mode=standard")
    names, classes = run("finetune_and_deploy")
    assert names["trained"].info.labels == tuple("bgr")
    assert {found.label for found in classes} == set("bgr")
    inspection = inspect(names["int8"])
    assert inspection.partitions == 1
    assert inspection.delegated == inspection.nodes
    assert all(result.images == 6 for result in names["results"].values())


@pytest.mark.slow
@FAR_FROM_FLOAT
def test_detect_and_segment(run, plain_exports, monkeypatch):
    """One epoch on drawn shapes runs; the files tell their output heads."""
    pytest.importorskip("pycocotools")
    for name in ("DETECTOR", "SEGMENTER", "PICTURES"):
        monkeypatch.delenv(f"KERAS_MOBILEVIT_{name}", raising=False)
    monkeypatch.setenv("KERAS_MOBILEVIT_SET", f"{SHORT} sampler.batch_size=16")
    names, found = run("detect_and_segment")
    assert {detection.name for detection in found} <= set(names["SHAPES"])
    for output_head, inspection in names["inspections"].items():
        info = read_metadata(names["files"][output_head])
        kinds = {"raw": "anchors", "nms": "boxes"}
        assert info.output.kind == kinds.get(output_head, output_head)
        background = ("background",) if info.task == "segmentation" else ()
        assert info.labels == (*background, *names["SHAPES"])
        assert inspection.partitions == 1
        assert bool(inspection.left_out) == (output_head in ("nms", "mask"))
    for results in (names["boxes"], names["masks"]):
        assert len(results) == 3
        assert all(result.images == 32 for result in results.values())


@pytest.mark.parametrize(
    "name",
    sorted({path.stem for path in FOLDER.glob("*.ipynb")} - WITH_OUTPUTS),
)
def test_holds_no_outputs(name):
    assert not any(cell["outputs"] for cell in code_cells(name))


@pytest.mark.parametrize("name", sorted(WITH_OUTPUTS))
def test_outputs_are_of_one_run(name):
    cells = code_cells(name)
    counts = [cell["execution_count"] for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    for output in (output for cell in cells for output in cell["outputs"]):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr"


@pytest.mark.parametrize("name", sorted(WITH_OUTPUTS))
def test_outputs_hold_no_paths_and_no_images(name):
    for cell in code_cells(name):
        for output in cell["outputs"]:
            data = output.get("data", {"text/plain": output.get("text")})
            # A plot is drawn; a picture from a data set has its licence.
            if "matplotlib" not in "".join(cell["source"]):
                assert set(data) == {"text/plain"}
            # Names of tensors have slashes too, but begin with none.
            text = "".join(data["text/plain"])
            assert not re.search(r"(?<![\w.])/\w+/\w|\b[A-Z]:\\", text)
