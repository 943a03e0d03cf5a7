"""Figures of models whose answers can be worked out by hand, and of files."""

import math
import tarfile
import threading

import keras
import numpy as np
import pytest
from colour_model import CERTAINTY, COLOURS, colour_model, paint
from small_model import LABELS

from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.opening import OpenedModel
from keras_mobilevit.problem_types import ScoreFormat
from keras_mobilevit.tflite import ImageModel, evaluate, runners
from keras_mobilevit.tflite.evaluation import evaluate as evaluation

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
    # Of three classes, the first five are always right.
    assert first.top5 is first.top5_interval is None
    # Wilson: (3 + z²/2 ± z √(3·1/4 + z²/4)) / (4 + z²), with z = 1.959964.
    assert first.top1_interval == pytest.approx((0.30064, 0.95441), abs=1e-5)
    assert second.top1_interval == pytest.approx((0.15004, 0.84996), abs=1e-5)
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
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    dense = keras.layers.Dense(8, kernel_initializer="zeros")
    model = keras.Model(inputs, dense(x))
    dense.bias.assign(bias)
    labels = [f"answer {i}" for i in range(8)]
    for label in labels:
        paint(tmp_path / label / "a.png", "red")
    result = evaluate({"a": model}, tmp_path, labels)["a"]
    assert (result.top1, result.top5) == (1 / 8, 5 / 8)


# === ImageSource ===


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
    """All models get the picture that is read once, as asked for."""
    calls = []

    def load_rgb(data, size, spec):
        calls.append((size, spec))
        return np.full((8, 8, 3), (0, 0, 255), np.uint8)

    monkeypatch.setattr(evaluation, "load_rgb", load_rgb)
    models = {"a": colour_model(), "b": colour_model()}
    spec = ImageSpec(crop_pct=0.5, pre_resize=4)
    results = evaluate(models, pictures, COLOURS, image=spec)
    assert calls == [((8, 8), spec)] * 4
    assert results["a"].top1 == results["b"].top1 == 1 / 4


def test_each_model_gets_the_channels_that_it_expects(pictures):
    """Answers are equal, though one of the networks swaps red and blue."""
    rgb, bgr = colour_model(), colour_model(bgr=True)
    spec = ImageSpec(channel_order="bgr")
    results = evaluate(
        {"rgb": rgb, "bgr": OpenedModel(bgr, ModelInfo(image=spec))},
        pictures,
        COLOURS,
    )
    assert results["bgr"].agreement == 1
    assert results["rgb"].top1 == 3 / 4
    unaware = evaluate({"rgb": rgb, "bgr": bgr}, pictures, COLOURS)
    assert unaware["bgr"].agreement < 1


def test_a_model_of_any_size_takes_that_of_the_others(pictures):
    free = colour_model(size=(None, None))
    results = evaluate({"a": free, "b": colour_model()}, pictures, COLOURS)
    assert results["a"].top1 == 3 / 4
    with pytest.raises(ValueError, match="one of them must fix"):
        evaluate({"a": free}, pictures, COLOURS)


# === Files and workers ===


def test_files_and_keras_side_by_side(model, files, photos):
    results = evaluate(
        {"keras": model, "f32": files["float32"], "int8": files["int8"]},
        photos,
        LABELS,
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
        size, shape = (8, 8), (8, 8, 3)
        info = ModelInfo()
        scores = ScoreFormat("single_label", "logits")
        busy = False

        def reopen(self):
            return Waiting()

        def predict(self, image):
            assert not self.busy
            self.busy = True
            together.wait(timeout=60)
            self.busy = False
            return image.mean(axis=(0, 1))

    monkeypatch.setattr(runners, "ImageModel", Waiting)
    model = OpenedModel(Waiting(), ModelInfo())
    result = evaluate({"a": model}, pictures, COLOURS, workers=2)["a"]
    assert result.top1 == 3 / 4
