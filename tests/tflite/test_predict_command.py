"""The commands that draw boxes and masks on pictures."""

import functools

import numpy as np
import pytest
from dense_models import colour_segmenter, constant_model, predictions_of
from image_files import encode, plain
from PIL import Image

from keras_mobilevit.detection.drawing import class_color
from keras_mobilevit.tflite.dense_prediction.image_output import output_paths

# Left, top, right, bottom as shares of the sides: in a picture of 100 x 200
# pixels (100, 50, 160, 90).
OBJECT = ((0.5, 0.5, 0.8, 0.9), 1, 0.9)


@pytest.fixture
def predict(command):
    """Runs `keras-mobilevit predict`; returns its exit status."""
    return functools.partial(command, "predict")


@pytest.fixture
def detector(tmp_path):
    path = tmp_path / "detector.keras"
    constant_model(predictions_of(OBJECT)).save(path)
    return path


@pytest.fixture
def segmenter(tmp_path):
    path = tmp_path / "segmenter.keras"
    colour_segmenter((None, None)).save(path)
    return path


@pytest.fixture
def pictures(tmp_path):
    """Grey; and a quarter green, the rest blue."""
    grey = plain(100, 100, 200)
    colours = np.zeros((100, 200, 3), np.uint8)
    colours[:, :50, 1] = colours[:, 50:, 2] = 255
    paths = tmp_path / "grey.png", tmp_path / "colours.png"
    paths[0].write_bytes(encode(grey))
    paths[1].write_bytes(encode(colours))
    return paths


def test_detect(predict, detector, pictures, tmp_path, capsys):
    out = tmp_path / "new" / "out.png"
    argv = (pictures[0], "--model", detector)
    assert not predict(*argv, "-o", out)
    assert capsys.readouterr().out == (
        f"{pictures[0]}\n   90.0%  1  (100, 50, 160, 90)\n"
    )
    pixels = np.asarray(Image.open(out))
    assert pixels.shape == (100, 200, 3)
    assert tuple(pixels[80, 100].tolist()) == class_color(1)
    assert (pixels[:40, :90] == 100).all()
    assert not predict(*argv, "--score", 0.95)
    assert "nothing above 95%" in capsys.readouterr().out


def test_detect_on_several_images(
    predict, detector, pictures, tmp_path, capsys
):
    argv = ("--model", detector, "-o", tmp_path / "out")
    assert not predict(*pictures, *argv)
    assert capsys.readouterr().out.count("90.0%") == 2
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["colours.png", "grey.png"]


def test_segment(predict, segmenter, pictures, tmp_path, capsys):
    out = tmp_path / "out.png"
    argv = (pictures[1], "--model", segmenter, "--size", 8, 16)
    assert not predict(*argv, "--opacity", 1, "-o", out)
    text = capsys.readouterr().out
    assert text == f"{pictures[1]}\n   75.0%  2\n   25.0%  1\n"
    # The names of the classes are not known, so the first is the background,
    # and the colours are those of Pascal VOC.
    image = Image.open(out)
    assert image.width == 200 and image.height > 100
    assert image.getpixel((10, 50)) == (0, 128, 0)
    assert image.getpixel((150, 50)) == (128, 128, 0)


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_errors(predict, detector, segmenter, pictures, tmp_path, capsys, task):
    """Whatever is wrong, nothing is written."""
    model, size = detector, ()
    if task == "segmentation":
        model, size = segmenter, ("--size", 8, 16)
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    out = tmp_path / "out.png"
    for argv, message in (
        ((pictures[0], "--model", "none.tflite"), "no .tflite file"),
        ((pictures[0], "--model", "none"), "weights:NAME"),
        (("none.jpg", "--model", model, *size, "-o", out), "no picture at"),
        ((text, "--model", model, *size, "-o", out), "Not a readable picture"),
        ((*pictures, "--model", model, "-o", out), "name a folder"),
        ((pictures[0], "--model", model, "-o", pictures[0]), "is one of the"),
        ((pictures[0], "--model", model, "-o", "out.doc"), "must end in"),
    ):
        assert predict(*argv) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error
        assert not out.exists()


def test_options_of_another_task(predict, detector, segmenter, capsys):
    for model, option, message in (
        (detector, "--top", "--top is not for Keras models for detection"),
        (detector, "--opacity", "--opacity is not for"),
        (segmenter, "--score", "--score is not for"),
        (segmenter, "--threads", "--threads is not for"),
    ):
        with pytest.raises(SystemExit) as caught:
            predict("a.jpg", "--model", model, option, 1)
        assert caught.value.code == 2
        assert message in capsys.readouterr().err


def test_a_model_of_any_size_needs_one(predict, segmenter, pictures, capsys):
    assert predict(pictures[0], "--model", segmenter) == 1
    assert "--size must be given" in capsys.readouterr().err


def test_names_of_what_is_written(tmp_path):
    sources = ["a/one.JPG", "b/two.gif", "three"]
    assert output_paths(sources, tmp_path / "out") == [
        tmp_path / "out" / name for name in ("one.JPG", "two.png", "three.png")
    ]
    # A folder that is there may have a dot in its name.
    (tmp_path / "v1.2").mkdir()
    (path,) = output_paths(["a.png"], tmp_path / "v1.2")
    assert path == tmp_path / "v1.2" / "a.png"
    with pytest.raises(ValueError, match="written twice"):
        output_paths(["a/1.png", "b/1.png"], tmp_path / "out")
