"""Mean IoU of networks whose answers can be worked out by hand.

The networks tell red, green and blue pixels apart, or see no blue: then they
call it red.
"""

import json
import math

import keras
import numpy as np
import pytest
from dense_models import colour_segmenter
from image_files import encode
from PIL import Image

from keras_mobilevit.tflite.dense_prediction import Segmenter
from keras_mobilevit.tflite.evaluation.resampling import mean_iou_interval
from keras_mobilevit.tflite.evaluation.segmentation import evaluate_segmenters

COLOURS = ("red", "green", "blue")


def no_blue(size=(4, 4)):
    inputs = keras.Input((*size, 3))
    scale = [1 / 255, 1 / 255, 0.0]
    return keras.Model(inputs, keras.layers.Rescaling(scale)(inputs))


@pytest.fixture
def folders(tmp_path):
    """Half red and half blue; green, a quarter of it without a label."""
    first = np.zeros((4, 4), np.uint8)
    first[:, 2:] = 2
    second = np.ones((4, 4), np.uint8)
    pictures, masks = tmp_path / "pictures", tmp_path / "masks"
    for name, mask in (("a", first), ("b", second)):
        for folder in (pictures, masks):
            folder.mkdir(exist_ok=True)
        picture = 255 * np.eye(3, dtype=np.uint8)[mask]
        (pictures / f"{name}.png").write_bytes(encode(picture))
        if name == "b":
            mask[0] = 255
        (masks / f"{name}.png").write_bytes(encode(mask))
    # Without a mask it does not count.
    (pictures / "c.png").write_bytes(encode(picture))
    return pictures, masks


def segmenters():
    return {
        "all": Segmenter(colour_segmenter(), COLOURS),
        "no blue": Segmenter(no_blue(), COLOURS),
    }


# === The figures ===


def test_hand_computed(folders):
    """Without blue 8 of 28 pixels are wrong.

    Red has 8 hits in a union of 16, green 12 in 12, blue none in 8.
    """
    results = evaluate_segmenters(segmenters(), *folders)
    first, second = results.values()
    assert (first.images, first.skipped) == (2, ())
    assert (first.mean_iou, first.pixel_accuracy) == (1, 1)
    assert first.class_iou == {"red": 1, "green": 1, "blue": 1}
    assert (first.agreement, first.difference) == (1, 0)
    assert first.difference_interval == (0, 0)
    assert second.mean_iou == pytest.approx(0.5)
    assert second.pixel_accuracy == pytest.approx(20 / 28)
    assert second.class_iou == {"red": 0.5, "green": 1, "blue": 0}
    assert second.agreement == pytest.approx(20 / 28)
    assert second.difference == pytest.approx(-0.5)
    # Of two draws out of two pictures, a quarter has the first one only: red
    # has 1/2 and blue none, and a quarter has none of it.
    assert second.difference_interval == pytest.approx((-0.75, 0))


def test_interval_of_many_images():
    """The difference of each picture is 0 or -1, so that of n resampled ones
    is the share of a coin thrown n times, nearly normal.
    """
    images = 400
    right, wrong = np.array([[9, 0], [0, 0]]), np.array([[0, 9], [0, 0]])
    first = np.stack([right] * images)
    second = np.stack([right, wrong] * (images // 2))
    low, high = mean_iou_interval(first, second)
    # A second class comes in with the wrong ones: IoU 1/2 and 0, so 1/4.
    share = 0.5 + np.array([-1.96, 1.96]) * math.sqrt(0.25 / images)
    np.testing.assert_allclose((low, high), share / 2 - 1, atol=0.01)


def test_another_id_without_a_class(folders):
    pictures, masks = folders
    mask = np.asarray(Image.open(masks / "b.png"))
    Image.fromarray(np.where(mask == 255, 3, mask).astype(np.uint8)).save(
        masks / "b.png"
    )
    results = evaluate_segmenters(segmenters(), *folders, ignore_label=3)
    assert results["no blue"].pixel_accuracy == pytest.approx(20 / 28)


def test_a_class_that_does_not_occur(folders):
    """Only the first picture: no green."""
    results = evaluate_segmenters(segmenters(), *folders, limit=1)
    assert results["no blue"].images == 1
    assert results["no blue"].mean_iou == pytest.approx(0.25)
    assert math.isnan(results["no blue"].class_iou["green"])


def test_networks_of_several_sizes(folders):
    networks = segmenters()
    networks["small"] = Segmenter(colour_segmenter((2, 2)), COLOURS)
    results = evaluate_segmenters(networks, *folders)
    assert results["small"].mean_iou == 1


# === ImageSource and masks ===


def test_images_that_can_not_be_read(folders):
    pictures, masks = folders
    (pictures / "b.png").write_bytes(b"no picture")
    results = evaluate_segmenters(segmenters(), pictures, masks)
    assert results["all"].skipped == ("b.png",)
    assert results["no blue"].pixel_accuracy == pytest.approx(0.5)
    (pictures / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="None of the 2 pictures"):
        evaluate_segmenters(segmenters(), pictures, masks)


def test_masks_of_another_size_and_of_unknown_classes(folders):
    pictures, masks = folders
    (masks / "a.png").write_bytes(encode(np.zeros((4, 5), np.uint8)))
    with pytest.raises(ValueError, match="a.png has 5x4 pixels"):
        evaluate_segmenters(segmenters(), pictures, masks)
    (masks / "a.png").write_bytes(encode(np.full((4, 4), 7, np.uint8)))
    with pytest.raises(ValueError, match="a.png has the id 7"):
        evaluate_segmenters(segmenters(), pictures, masks)


def test_masks_without_images(folders):
    pictures, masks = folders
    (pictures / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match="'a'"):
        evaluate_segmenters(segmenters(), pictures, masks)


def test_networks_of_other_classes(folders):
    networks = segmenters()
    networks["two"] = Segmenter(
        keras.Sequential(
            [
                keras.Input((4, 4, 3)),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Conv2D(2, 1),
            ]
        )
    )
    with pytest.raises(ValueError, match="'no blue': 3, 'two': 2"):
        evaluate_segmenters(networks, *folders)


# === The command line ===


def test_command(folders, evaluate_command, tmp_path, capsys):
    pictures, masks = folders
    models = tmp_path / "all.keras", tmp_path / "no_blue.keras"
    colour_segmenter().save(models[0])
    no_blue().save(models[1])
    report = tmp_path / "a.json"
    argv = (pictures, "--masks", masks, "--model", *models)
    assert not evaluate_command(*argv, "--json", report)
    text = capsys.readouterr().out
    header, _, first, second = (
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.splitlines()[:4]
    )
    assert header[1:5] == ["mIoU %", "pixel acc. %", "Δ mIoU", "agreement %"]
    assert first[1:5] == ["100.00", "100.00", "-", "-"]
    assert second[1:5] == ["50.00", "71.43", "-50.00 [-75.00, +0.00]", "71.43"]
    assert "\n2 images; in brackets 95 % intervals" in text
    facts = json.loads(report.read_text())
    assert (facts["masks"], facts["ignore_label"]) == (str(masks), 255)
    assert facts["models"][str(models[1])]["class_iou"] == {
        "0": 0.5,
        "1": 1.0,
        "2": 0.0,
    }


def test_command_errors(folders, evaluate_command, tmp_path, capsys):
    pictures, masks = folders
    model = tmp_path / "all.keras"
    colour_segmenter().save(model)
    for argv, message in (
        ((), "must be for classification"),
        (("--annotations", tmp_path / "a.json"), "must be for detection"),
        (("--masks", tmp_path / "none"), "none"),
        (("--masks", masks, "--limit", 0), "limit=0"),
    ):
        assert evaluate_command(pictures, "--model", model, *argv) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error
