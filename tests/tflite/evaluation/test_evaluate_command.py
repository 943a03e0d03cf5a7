"""The command that evaluates classifiers."""

import json

import pytest
from PIL import Image
from relabelling import relabelled
from small_model import LABELS, make_images


def cells(text):
    """Rows of a Markdown table, each a list of cells."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in r.split("|")[1:-1]] for r in rows]


def test_command(model, files, photos, evaluate_command, tmp_path, capsys):
    model.save(tmp_path / "model.keras")
    assert not evaluate_command(
        *(photos, "--workers", 2, "--json", tmp_path / "a.json", "--model"),
        *(files["float32"], tmp_path / "model.keras", files["int8"]),
    )
    text = capsys.readouterr().out
    header, _, first, second, third = cells(text)
    assert first[0] == str(files["float32"])
    # Wilson: (7 + z²/2 ± z √(7·1/8 + z²/4)) / (8 + z²).
    assert first[1] == second[1] == "87.50 [52.91, 97.76]"
    # Five answers are all that there are.
    assert first[2] == "-"
    assert first[4:7] == ["-", "-", "-"]
    # No disagreement: ± z √(2/10 / 10).
    assert second[4:6] == ["+0.00 [-27.72, +27.72]", "100.00"]
    assert second[7:] == ["", ""]
    assert 15 < float(third[6]) < 60
    assert third[7] == f"{files['int8'].stat().st_size:,}"
    assert third[8].endswith(" in 1")
    assert "\n8 images;" in text

    report = json.loads((tmp_path / "a.json").read_text())
    assert (report["crop_pct"], report["pre_resize"]) == (0.875, 0)
    facts = report["models"][str(files["int8"])]
    assert f"{facts['sqnr']:.1f}" == third[6]
    assert facts["delegated"] == facts["nodes"] > 300
    assert facts["images"] == 8
    assert report["models"][str(files["float32"])]["sqnr"] is None


def test_command_without_labels(files, evaluate_command, tmp_path, capsys):
    for index, image in enumerate(make_images(3, seed=3)):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert not evaluate_command(
        tmp_path, "--model", files["float32"], files["int8"]
    )
    text = capsys.readouterr().out
    *_, second = cells(text)
    assert second[1:5] == ["-", "-", "-", "-"]
    assert 15 < float(second[6]) < 60
    assert "3 images;" in text and "1 pictures could not be read" in text
    assert "bad.png" in text


def test_command_takes_labels_and_preprocessing_from_the_user(
    files, photos, evaluate_command, tmp_path, capsys
):
    other = relabelled(
        files["float32"], tmp_path / "a.tflite", labels=LABELS[::-1]
    )
    argv = (photos, "--model", files["float32"], other, "--limit", 4)
    assert evaluate_command(*argv) == 1
    assert "agree on `labels`" in capsys.readouterr().err
    (tmp_path / "names.txt").write_text("\n".join(LABELS))
    argv = (*argv, "--labels", tmp_path / "names.txt")
    assert evaluate_command(*argv) == 1
    assert "agree on `crop_pct`" in capsys.readouterr().err
    argv = (*argv, "--crop-pct", 0.875, "--json", tmp_path / "a.json")
    assert not evaluate_command(*argv)
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["crop_pct"] == 0.875
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
def test_command_errors(evaluate_command, tmp_path, capsys, argv, message):
    report = tmp_path / "a.json"
    assert evaluate_command(*argv, "--json", report) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert not report.exists()
