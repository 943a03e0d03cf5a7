"""What is drawn of a tensor's channels, beside the step that they share."""

import numpy as np
import pytest
from PIL import Image
from small_model import make_images
from tiny_model import TINY_SIZE

import plot_channel_ranges
from channel_ranges import (
    ChannelRanges,
    draw_channels,
    measure_channels,
)
from keras_mobilevit.tflite import calibrate

TENSOR = "stage1_ir/expand/conv_2d"


def run_tool(*argv):
    return plot_channel_ranges.main([str(arg) for arg in argv])


@pytest.fixture(scope="module")
def images():
    return np.stack(make_images(4, TINY_SIZE))


@pytest.fixture(scope="module")
def everything(tiny_float, images):
    """The tiny model's channels, with their extremes as ranges."""
    return measure_channels(tiny_float, images, TENSOR, percentile=100)


def test_ranges_are_those_of_calibration(everything, tiny_float, images):
    low, high = calibrate(tiny_float, images, percentile=100).ranges[TENSOR]
    assert everything.images == len(images)
    np.testing.assert_allclose(everything.low.min(), low, rtol=1e-4)
    np.testing.assert_allclose(everything.high.max(), high, rtol=1e-4)
    np.testing.assert_allclose(everything.step, (high - low) / 255, rtol=1e-4)


def test_coverage_narrows_every_channel(everything, tiny_float, images):
    narrow = measure_channels(tiny_float, images, TENSOR, percentile=99)
    assert (narrow.width < everything.width).all()
    assert narrow.step < everything.step
    np.testing.assert_array_equal(narrow.deviation, everything.deviation)


def test_unknown_tensor(tiny_float, images):
    with pytest.raises(ValueError, match=f"Did you mean '{TENSOR}'"):
        measure_channels(tiny_float, images, f"{TENSOR}s")


def test_silent_channels_are_drawn_as_narrow(tmp_path):
    pytest.importorskip("matplotlib")
    high = np.array([0.0, 1.0, 128.0])
    path = tmp_path / "a.png"
    draw_channels(
        path, ChannelRanges("a", np.zeros(3), high, high / 4, 0.5, images=1)
    )
    with Image.open(path) as image:
        assert image.format == "PNG"


def test_tool(tiny_float, images, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    model, output = tmp_path / "float32.tflite", tmp_path / "a.png"
    model.write_bytes(tiny_float)
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index}.bmp")
    arguments = (model, "--data", tmp_path, "--tensor", TENSOR, "-o", output)
    assert not run_tool(*arguments, "--limit", 3)
    printed = capsys.readouterr().out
    assert printed.startswith(f"{TENSOR}: ")
    assert "on 3 pictures" in printed
    assert output.exists()
    (tmp_path / "cut.bmp").write_bytes(b"BM")
    with pytest.warns(UserWarning, match="Skipped 1 picture .*cut.bmp"):
        assert not run_tool(*arguments)


def test_tool_says_what_is_wrong(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    missing = tmp_path / "missing.tflite"
    output = tmp_path / "a.png"
    assert run_tool(
        *(missing, "--data", tmp_path, "--tensor", TENSOR, "-o", output)
    )
    assert "missing.tflite" in capsys.readouterr().err
    assert not output.exists()
