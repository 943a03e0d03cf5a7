"""The metrics of COCO for detectors whose answers are known.

A picture is plain: its grey value is its number, by which the detectors know
it. Four pictures of 50 x 100 pixels, with one object each.
"""

import json
import math

import numpy as np
import pytest
from dense_models import SIZE, constant_model, predictions_of
from image_files import encode, plain
from PIL import Image

from keras_mobilevit.detection import Detection
from keras_mobilevit.tflite.evaluation.detection import evaluate_detectors

pytest.importorskip("pycocotools", reason="pycocotools is not installed")

LABELS = ("background", "cat", "dog")
CAT, DOG = (10, 10, 60, 40), (20, 5, 90, 45)


def content():
    """Two cats and two dogs; the categories have gaps and another order."""
    return {
        "images": [
            {"id": 10 * i, "file_name": f"{i}.png", "height": 50, "width": 100}
            for i in range(4)
        ],
        "categories": [{"id": 9, "name": "cat"}, {"id": 4, "name": "dog"}],
        "annotations": [
            {
                "image_id": 10 * i,
                "category_id": 4 if i % 2 else 9,
                "bbox": [20, 5, 70, 40] if i % 2 else [10, 10, 50, 30],
            }
            for i in range(4)
        ],
    }


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(4):
        (folder / f"{i}.png").write_bytes(encode(plain(i, 50, 100)))
    return folder


class Known:
    """A detector that finds what it is told: number of picture -> boxes."""

    def __init__(self, found, labels=LABELS, size=SIZE):
        self.found, self.labels, self.size = found, labels, size

    def detect_batch(self, images, sizes):
        assert images.shape[1:3] == self.size
        assert sizes == [(50, 100)] * len(images)
        return [self.found.get(int(image[0, 0, 0]), []) for image in images]


def cat(box=CAT, score=0.9, index=1):
    return Detection(index, "cat", score, box)


def dog(box=DOG, score=0.9, index=2):
    return Detection(index, "dog", score, box)


ALL = {0: [cat()], 1: [dog()], 2: [cat()], 3: [dog()]}
NO_DOGS = {0: [cat()], 2: [cat()]}


# === The figures ===


def test_mean_over_classes(pictures):
    """Who finds all cats and no dogs has half of the precision."""
    results = evaluate_detectors(
        {"all": Known(ALL), "no dogs": Known(NO_DOGS)}, pictures, content()
    )
    first, second = results.values()
    assert (first.images, first.skipped) == (4, ())
    assert first.metrics.ap == pytest.approx(1)
    assert second.metrics.ap == pytest.approx(0.5)
    assert first.difference == 0
    assert second.difference == pytest.approx(-0.5)
    # 1500 and 2800 pixels: all are between 32² and 96².
    assert first.metrics.ap_medium == pytest.approx(1)
    assert math.isnan(first.metrics.ap_small)


def test_a_mistake_of_a_higher_score(pictures):
    """Cats: a mistake first, then both. Precision 2/3 at every recall.

    At a recall of 1/2 it is 1/2, but the better one of what follows counts.
    """
    found = {**ALL, 1: [dog(), cat(score=0.95)]}
    results = evaluate_detectors({"a": Known(found)}, pictures, content())
    assert results["a"].metrics.ap50 == pytest.approx((2 / 3 + 1) / 2)


def test_classes_are_matched_by_name(pictures):
    """A detector of another order, with a class that nobody asks for."""
    labels = ("background", "dog", "bird", "cat")
    found = {
        i: [d._replace(class_index=labels.index(d.name)) for d in detections]
        for i, detections in ALL.items()
    }
    found[0] = [Detection(2, "bird", 0.99, CAT), *found[0]]
    results = evaluate_detectors(
        {"a": Known(found, labels)}, pictures, content()
    )
    assert results["a"].metrics.ap == pytest.approx(1)


def test_a_class_that_a_detector_does_not_know_is_missed(pictures):
    found = {i: [d for d in ALL[i] if d.name == "cat"] for i in ALL}
    results = evaluate_detectors(
        {"a": Known(found, ("background", "cat"))}, pictures, content()
    )
    assert results["a"].metrics.ap == pytest.approx(0.5)


def test_without_names_classes_are_in_the_order_of_their_numbers(pictures):
    """The dog has the lower number."""
    found = {
        i: [d._replace(class_index=1 + (i + 1) % 2)] for i, (d,) in ALL.items()
    }
    results = evaluate_detectors({"a": Known(found, ())}, pictures, content())
    assert results["a"].metrics.ap == pytest.approx(1)


def test_detectors_of_several_sizes(pictures):
    results = evaluate_detectors(
        {"a": Known(ALL), "b": Known(ALL, size=(32, 32))}, pictures, content()
    )
    assert results["b"].metrics.ap == pytest.approx(1)


# === ImageSource ===


def test_images_that_can_not_be_read(pictures):
    """They cost nobody anything."""
    (pictures / "1.png").write_bytes(b"no picture")
    found = {i: ALL[i] for i in (0, 2, 3)}
    results = evaluate_detectors({"a": Known(found)}, pictures, content())
    assert (results["a"].images, results["a"].skipped) == (3, ("1.png",))
    assert results["a"].metrics.ap == pytest.approx(1)


def test_none_can_be_read(pictures):
    for path in pictures.iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="None of the 4 annotated pictures"):
        evaluate_detectors({"a": Known({})}, pictures, content())


def test_limit(pictures):
    """Every second one: both cats."""
    results = evaluate_detectors(
        {"a": Known(NO_DOGS)}, pictures, content(), limit=2
    )
    assert results["a"].images == 2
    assert results["a"].metrics.ap == pytest.approx(1)
    with pytest.raises(ValueError, match="limit=0"):
        evaluate_detectors({"a": Known({})}, pictures, content(), limit=0)


def test_annotations_without_boxes(pictures):
    nothing = {**content(), "annotations": []}
    with pytest.raises(ValueError, match="Expected boxes to compare with"):
        evaluate_detectors({"a": Known(ALL)}, pictures, nothing)


def test_missing_images(pictures):
    (pictures / "2.png").unlink()
    with pytest.raises(FileNotFoundError, match="lacks 1 of 4.*2.png"):
        evaluate_detectors({"a": Known({})}, pictures, content())


def test_images_of_another_size_than_annotated(pictures):
    (pictures / "2.png").write_bytes(encode(plain(2, 100, 50)))
    with pytest.raises(ValueError, match=r"2.png.*\(100, 50\).*\(50, 100\)"):
        evaluate_detectors({"a": Known({})}, pictures, content())


def test_no_common_classes(pictures):
    with pytest.raises(ValueError, match="classes of a .*'bird'.*'dog', 'cat'"):
        evaluate_detectors(
            {"a": Known({}, ("background", "bird"))}, pictures, content()
        )


def test_pascal_voc_gives_the_figures_of_coco(pictures, tmp_path):
    """The same objects, in pixels that count from 1."""
    folder = tmp_path / "voc"
    folder.mkdir()
    for i, (name, box) in enumerate([("cat", CAT), ("dog", DOG)] * 2):
        left, top, right, bottom = box
        (folder / f"{i}.xml").write_text(
            f"<annotation><object><name>{name}</name><bndbox>"
            f"<xmin>{left + 1}</xmin><ymin>{top + 1}</ymin>"
            f"<xmax>{right}</xmax><ymax>{bottom}</ymax>"
            "</bndbox></object></annotation>"
        )
    detectors = {"all": Known(ALL), "no dogs": Known(NO_DOGS)}
    expected = evaluate_detectors(detectors, pictures, content())
    found = evaluate_detectors(detectors, pictures, folder)
    assert found["all"].metrics.ap == pytest.approx(1)
    for name in detectors:
        for field in ("ap", "ap50", "ap75", "ap_medium"):
            assert getattr(found[name].metrics, field) == pytest.approx(
                getattr(expected[name].metrics, field)
            )


# === The command line ===


@pytest.fixture
def model(tmp_path):
    """A Keras file that says of every picture that there is a dog."""
    path = tmp_path / "dog.keras"
    box = np.array(DOG) / (100, 50, 100, 50)
    # The dog has the lower number.
    constant_model(predictions_of((box, 1, 0.9))).save(path)
    return path


def test_command(pictures, model, evaluate_command, tmp_path, capsys):
    annotations = tmp_path / "instances.json"
    annotations.write_text(json.dumps(content()))
    report = tmp_path / "a.json"
    argv = (pictures, "--model", model, "--annotations", annotations)
    assert not evaluate_command(*argv, "--json", report)
    text = capsys.readouterr().out
    row = [cell.strip() for cell in text.splitlines()[2].split("|")[1:-1]]
    facts = json.loads(report.read_text())
    metrics = facts["models"][str(model)]["metrics"]
    assert row[:4] == [
        str(model),
        *(f"{100 * metrics[n]:.2f}" for n in ("ap", "ap50", "ap75")),
    ]
    assert row[4:] == ["-", row[1], "-", "-", "", ""]
    # Two of four dogs are there, all at the same score: by chance those on
    # the second and the fourth picture. No cat is found.
    assert metrics["ap50"] == pytest.approx(0.25, abs=0.01)
    assert metrics["ap_small"] is None
    assert facts["annotations"] == str(annotations)
    assert "\n4 images\n" in text


def test_command_errors(pictures, model, evaluate_command, tmp_path, capsys):
    Image.new("L", (4, 4)).save(pictures / "extra.png")
    for argv, message in (
        (("--annotations", tmp_path / "none.json"), "no file of annotations"),
        ((), "must be for classification"),
        (("--masks", pictures), "must be for segmentation"),
    ):
        report = tmp_path / "a.json"
        assert (
            evaluate_command(
                pictures, "--model", model, *argv, "--json", report
            )
            == 1
        )
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error
        assert not report.exists()


@pytest.mark.parametrize(
    "argv",
    [
        ("--annotations", "a.json", "--masks", "b"),
        ("--annotations", "a.json", "--crop-pct", "1"),
        ("--masks", "b", "--labels", "none"),
    ],
)
def test_command_options_that_exclude_each_other(
    evaluate_command, capsys, argv
):
    with pytest.raises(SystemExit):
        evaluate_command("pictures", "--model", "a.tflite", *argv)
    assert "one kind of model" in capsys.readouterr().err
