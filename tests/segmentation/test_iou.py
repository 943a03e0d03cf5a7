"""Mean IoU and pixel accuracy, in Keras and in NumPy, by hand."""

import math

import keras
import numpy as np
import pytest

from keras_mobilevit.segmentation import (
    MeanIoU,
    PixelAccuracy,
    PixelCrossentropy,
    class_iou,
    confusion_matrix,
    mean_iou,
    pixel_accuracy,
)

LABELS = np.array([[0, 0, 1], [1, 2, 255]])
PREDICTIONS = np.array([[0, 1, 1], [1, 1, 0]])
# Rows are labels. Class 0: 1 of 2; class 1: 2 of 2 + 4 - 2; class 2: none.
MATRIX = [[1, 1, 0], [0, 2, 0], [0, 1, 0]]
MEAN_IOU = (1 / 2 + 2 / 4 + 0) / 3
ACCURACY = 3 / 5


def one_hot(predictions, classes=3):
    """Logits whose largest is that of the prediction."""
    return np.eye(classes, dtype=np.float32)[predictions]


def random_case(seed, size, classes=5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, (2, *size))
    labels[rng.random(labels.shape) < 0.2] = 255
    return labels, rng.normal(size=(2, *size, classes)).astype(np.float32)


# === NumPy ===


def test_confusion_matrix():
    matrix = confusion_matrix(LABELS, PREDICTIONS, 3)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == MATRIX
    # Bytes must not overflow on the way to a cell.
    matrix = confusion_matrix(
        np.array([199], np.uint8), np.array([7], np.uint8), 200
    )
    assert matrix[199, 7] == 1 == matrix.sum()


def test_scores():
    matrix = np.array(MATRIX)
    np.testing.assert_array_equal(class_iou(matrix), [0.5, 0.5, 0.0])
    assert mean_iou(matrix) == pytest.approx(MEAN_IOU)
    assert pixel_accuracy(matrix) == pytest.approx(ACCURACY)


def test_absent_classes_do_not_count():
    matrix = np.zeros((4, 4), int)
    matrix[:3, :3] = MATRIX
    assert np.isnan(class_iou(matrix)[3])
    assert mean_iou(matrix) == pytest.approx(MEAN_IOU)


def test_nothing_counted():
    matrix = confusion_matrix(np.full((2, 2), 255), np.zeros((2, 2), int), 3)
    for score in (mean_iou, pixel_accuracy):
        with pytest.raises(ValueError, match="every label was ignored"):
            score(matrix)


@pytest.mark.parametrize(
    ("labels", "predictions", "match"),
    [
        ([[0, 1]], [[0], [1]], r"same shape.*labels \(1, 2\).*\(2, 1\)"),
        ([[0, 3]], [[0, 1]], r"Labels must be class ids below 3.*\[3\]"),
        ([[0, -1]], [[0, 1]], r"Labels must be .*\[-1\]"),
        ([[0, 1]], [[0, 255]], r"Predictions must be .*\[255\]"),
        ([[0, 1]], [[0.0, 1.0]], "Predictions must be integers.*float64"),
    ],
)
def test_bad_masks(labels, predictions, match):
    with pytest.raises(ValueError, match=match):
        confusion_matrix(labels, predictions, 3)


# === Keras ===


@pytest.mark.parametrize(
    ("metric", "expected"), [(MeanIoU, MEAN_IOU), (PixelAccuracy, ACCURACY)]
)
def test_by_hand(metric, expected):
    for classes in (3, 4):
        metric_ = metric(classes)
        assert float(metric_.result()) == 0
        metric_.update_state(LABELS[None], one_hot(PREDICTIONS[None], classes))
        assert float(metric_.result()) == pytest.approx(expected, rel=1e-6)
        metric_.reset_state()
        assert float(metric_.result()) == 0


def test_names_and_ignored_label():
    assert (MeanIoU(3).name, PixelAccuracy(3).name) == (
        "mean_iou",
        "pixel_accuracy",
    )
    accuracy = PixelAccuracy(3, ignore_label=2)
    labels = np.where(LABELS == 255, 0, LABELS)
    accuracy.update_state(labels[None], one_hot(PREDICTIONS[None]))
    assert float(accuracy.result()) == pytest.approx(4 / 5)


def test_images_of_any_size_add_up():
    ours, accuracy = MeanIoU(5), PixelAccuracy(5)
    oracle = keras.metrics.MeanIoU(5, ignore_class=255, sparse_y_pred=False)
    total = np.zeros((5, 5), int)
    for seed, size in enumerate(((7, 5), (3, 11), (1, 1))):
        labels, logits = random_case(seed, size)
        for metric in (ours, accuracy, oracle):
            metric.update_state(labels, logits)
        total += confusion_matrix(labels, logits.argmax(axis=-1), 5)
    assert float(ours.result()) == pytest.approx(float(oracle.result()))
    assert float(ours.result()) == pytest.approx(mean_iou(total), rel=1e-6)
    found = float(accuracy.result())
    assert found == pytest.approx(pixel_accuracy(total), rel=1e-6)


def test_logits_are_interpolated():
    # Margins 0.5, -0.25, -1.75, -2.5 over four columns: the class changes
    # behind the first, where nearest neighbours would change it in the middle.
    logits = np.array([[[[0.5, 0.0], [0.0, 2.5]]]], np.float32)
    accuracy = PixelAccuracy(2)
    accuracy.update_state(np.array([[[0, 1, 1, 1]]]), logits)
    assert float(accuracy.result()) == 1


@pytest.mark.parametrize("metric", [MeanIoU, PixelAccuracy])
@pytest.mark.parametrize("label", [3, 254, -1])
def test_a_label_of_no_class_makes_it_nan(metric, label):
    metric = metric(3)
    labels = np.where(LABELS == 2, label, LABELS)
    metric.update_state(labels[None], one_hot(PREDICTIONS[None]))
    metric.update_state(LABELS[None], one_hot(PREDICTIONS[None]))
    assert math.isnan(metric.result())


def test_counts_beyond_the_integers_of_float32():
    """Each update counts, where float32 would stand still at 2**24."""
    metric = PixelAccuracy(2)
    high, low = np.zeros((3, 2), int), np.zeros((3, 2), int)
    high[0, 0], low[0, 0] = 2**14 - 1, 2**20 - 3  # 2**34 - 3 pixels
    metric.high.assign(high)
    metric.low.assign(low)
    labels = np.zeros((1, 1, 5), int)
    metric.update_state(labels, one_hot(labels, 2))
    assert np.array(metric.high)[0, 0] == 2**14
    assert np.array(metric.low)[0, 0] == 2
    assert float(metric.matrix()[0, 0]) == pytest.approx(2**34, rel=1e-6)


def test_bad_arguments():
    metric = MeanIoU(3)
    labels, logits = LABELS[None], one_hot(PREDICTIONS[None], 4)
    with pytest.raises(ValueError, match=r"3 classes.*\(1, 2, 3, 4\)"):
        metric.update_state(labels, logits)
    with pytest.raises(ValueError, match="Expected labels"):
        metric.update_state(LABELS, logits)
    with pytest.raises(ValueError, match="mean_iou does not take"):
        metric.update_state(labels, logits[..., :3], sample_weight=1)


@pytest.mark.parametrize("metric", [MeanIoU, PixelAccuracy])
def test_config_round_trip(metric):
    config = keras.saving.serialize_keras_object(metric(3, ignore_label=9))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is metric
    assert (again.classes, again.ignore_label) == (3, 9)


def test_in_a_compiled_model():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(5, 1)(image))
    model.compile(
        loss=PixelCrossentropy(), metrics=[MeanIoU(5), PixelAccuracy(5)]
    )
    x = np.random.default_rng(0).normal(size=(4, 6, 7, 3)).astype(np.float32)
    labels, _ = random_case(0, (6, 7))
    labels = np.concatenate([labels, labels[::-1]])
    predictions = np.array(model(x)).argmax(axis=-1)
    total = confusion_matrix(labels, predictions, 5)
    found = model.evaluate(x, labels, batch_size=2, verbose=0, return_dict=True)
    assert found["mean_iou"] == pytest.approx(mean_iou(total), rel=1e-6)
    expected = pixel_accuracy(total)
    assert found["pixel_accuracy"] == pytest.approx(expected, rel=1e-6)
