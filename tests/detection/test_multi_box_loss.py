"""The loss, against its formula written out again in numpy."""

import keras
import numpy as np
import pytest

from keras_mobilevit.detection import MultiBoxLoss
from keras_mobilevit.detection.losses import hard_negatives


def loss_by_hand(y_true, y_pred, negatives=3):
    total, positives = 0.0, 0
    for truth, prediction in zip(y_true, y_pred, strict=True):
        labels = truth[:, 4].astype(int)
        logits = prediction[:, 4:].astype(np.float64)
        exp = np.exp(logits)
        cross_entropy = -np.log(exp / exp.sum(axis=1, keepdims=True))
        count = int((labels > 0).sum())
        background = sorted(cross_entropy[labels == 0, 0], reverse=True)
        total += sum(background[: negatives * count])
        for index in np.flatnonzero(labels):
            total += cross_entropy[index, labels[index]]
            for i in range(4):
                d = abs(float(truth[index, i]) - float(prediction[index, i]))
                total += d * d / 2 if d < 1 else d - 0.5
        positives += count
    return total / positives


def random_case(seed, share=0.05, batch=3, anchors=200, classes=6):
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, classes, (batch, anchors, 1))
    labels *= rng.random(labels.shape) < share
    offsets = rng.normal(0, 2, (batch, anchors, 4))
    y_true = np.concatenate([offsets, labels], axis=-1).astype(np.float32)
    y_pred = rng.normal(0, 2, (batch, anchors, 4 + classes))
    return y_true, y_pred.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_loss(seed):
    y_true, y_pred = random_case(seed)
    assert (y_true[..., 4] > 0).any()
    found = float(MultiBoxLoss()(y_true, y_pred))
    assert found == pytest.approx(loss_by_hand(y_true, y_pred), rel=1e-5)


@pytest.mark.parametrize("negatives", [0, 1, 10])
def test_ratio_of_negatives(negatives):
    y_true, y_pred = random_case(0)
    found = float(MultiBoxLoss(negatives=negatives)(y_true, y_pred))
    expected = loss_by_hand(y_true, y_pred, negatives)
    assert found == pytest.approx(expected, rel=1e-5)


def test_more_hard_negatives_wanted_than_there_are():
    y_true, y_pred = random_case(0, share=0.6)
    found = float(MultiBoxLoss()(y_true, y_pred))
    assert found == pytest.approx(loss_by_hand(y_true, y_pred), rel=1e-5)


def test_an_image_without_boxes_adds_nothing():
    """Its background anchors are mined for none of its own boxes."""
    y_true, y_pred = random_case(0)
    y_true[1] = 0
    others = [0, 2]
    found = float(MultiBoxLoss()(y_true, y_pred))
    expected = loss_by_hand(y_true[others], y_pred[others])
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_batch_without_boxes_has_no_loss():
    y_true, y_pred = random_case(0, share=0)
    assert float(MultiBoxLoss()(y_true, y_pred)) == 0


def test_without_reduction_the_images_add_up():
    y_true, y_pred = random_case(1)
    each = np.array(MultiBoxLoss(reduction=None)(y_true, y_pred))
    assert each.shape == (3,)
    whole = loss_by_hand(y_true, y_pred)
    assert each.sum() == pytest.approx(whole, rel=1e-5)


def test_half_precision_is_computed_in_single():
    y_true, y_pred = random_case(2)
    half = y_pred.astype(np.float16)
    half[0, 0, 4:] = 0
    half[0, 0, 4] = 60000  # its exponential overflows even float32
    expected = half.astype(np.float32)
    found = MultiBoxLoss()(y_true, keras.ops.convert_to_tensor(half))
    assert found.dtype == "float32"
    assert np.isfinite(float(found))
    assert float(found) == pytest.approx(
        float(MultiBoxLoss()(y_true, expected)), rel=1e-6
    )


def test_float64_is_not_rounded():
    y_true, y_pred = (x.astype("float64") for x in random_case(0))
    loss = MultiBoxLoss(dtype="float64")(y_true, y_pred)
    assert float(loss) == pytest.approx(loss_by_hand(y_true, y_pred), rel=1e-12)


def test_hard_negatives_by_hand():
    loss = np.array([[5, 1, 3, 3, 4, 3], [1, 2, 3, 4, 5, 6]], np.float32)
    positive = np.array([[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], bool)
    found = np.array(hard_negatives(loss, positive, 2))
    # The hardest is positive itself; of three equals the first is picked.
    np.testing.assert_array_equal(found[0], [0, 0, 1, 0, 1, 0])
    assert not found[1].any()


@pytest.mark.parametrize("label", [6, -1])
def test_a_label_that_is_no_class_is_not_overlooked(label):
    y_true, y_pred = random_case(0)
    y_true[1, 7, 4] = label
    assert np.isnan(float(MultiBoxLoss()(y_true, y_pred)))


def test_configuration_round_trip():
    loss = MultiBoxLoss(negatives=5, reduction=None, name="a")
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(copy, MultiBoxLoss)
    assert (copy.negatives, copy.reduction, copy.name) == (5, None, "a")


def test_perfect_predictions_have_no_loss():
    y_true, y_pred = random_case(3)
    y_pred[..., :4] = y_true[..., :4]
    y_pred[..., 4:] = 30 * np.eye(6)[y_true[..., 4].astype(int)]
    assert 0 <= float(MultiBoxLoss()(y_true, y_pred)) < 1e-6


def test_as_the_loss_of_a_model():
    y_true, y_pred = random_case(4)
    model = keras.Sequential([keras.Input((200, 10)), keras.layers.ReLU()])
    model.compile(loss=MultiBoxLoss(), run_eagerly=True)
    found = model.evaluate(y_pred, y_true, batch_size=3, verbose=0)
    expected = loss_by_hand(y_true, y_pred.clip(0))
    assert found == pytest.approx(expected, rel=1e-5)
