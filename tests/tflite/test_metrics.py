"""Statistics against published and hand-computed values."""

import math

import numpy as np
import pytest

from keras_mobilevit.tflite.metrics import (
    calibration_error,
    difference_interval,
    median_sqnr,
    same_answer,
    sqnr,
    top_hits,
    wilson_interval,
)


def test_single_scores_are_those_of_the_second_of_two_classes():
    """A sigmoid that answers the opposite is no perfect copy."""
    p = np.random.default_rng(0).uniform(0.01, 0.99, (50, 1))
    p = p.astype(np.float32)
    both = np.concatenate([1 - p, p], axis=1)
    # The opposite logits: the noise has twice their amplitude.
    expected = -10 * math.log10(4)
    assert sqnr(p, 1 - p) == pytest.approx(expected, abs=1e-3)
    assert sqnr(both, both[:, ::-1]) == pytest.approx(expected, abs=1e-3)
    assert median_sqnr(p, 1 - p) == pytest.approx(expected, abs=1e-3)
    assert not same_answer(p, 1 - p).any()
    assert sqnr(p, p) == math.inf and same_answer(p, p).all()


def test_single_logits():
    z = np.float32([[2.0], [-1.0], [0.5]])
    # Errors of 0.2, 0.1 and 0.05: a tenth of each logit.
    assert sqnr(z, 1.1 * z) == pytest.approx(20, abs=1e-4)
    assert same_answer(z, z - 1).tolist() == [True, True, False]
    # Taken alone, the second could be probabilities: 5.25 to 1.5² + 1.25² +
    # 0.375².
    assert sqnr(z, abs(z) / 4) == pytest.approx(1.2323, abs=1e-3)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_as_published(hits, total, low, high):
    """Newcombe 1998 (Stat. Med. 17:857), Table I, method 3."""
    found = wilson_interval(hits, total)
    assert found == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson_interval(total - hits, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)
    assert 0 <= found[0] and mirrored[1] <= 1


def test_difference_interval_as_published():
    """Fagerland, Lydersen and Laake 2017, chapter 8: 59, 6, 16 and 80."""
    found = difference_interval(gained=6, lost=16, total=161)
    assert found == pytest.approx((-0.1195, -0.0032), abs=5e-5)
    mirrored = difference_interval(gained=16, lost=6, total=161)
    assert mirrored == pytest.approx((0.0032, 0.1195), abs=5e-5)


def test_difference_interval_without_disagreement():
    """1.96 standard deviations of 2 in 100."""
    half = 1.959964 * math.sqrt(0.02 / 100)
    found = difference_interval(gained=0, lost=0, total=98)
    assert found == pytest.approx((-half, half), rel=1e-6)


def test_difference_interval_stays_in_range():
    low, high = difference_interval(gained=1, lost=0, total=1)
    assert (low, high) == (pytest.approx(-0.73354, abs=1e-5), 1.0)


def test_zeros_of_eight_bits_are_noise():
    output = np.array([[255, 0], [128, 128]], np.float32) / 256
    half = math.log(510) / 2  # 255/256 over 1/512
    # Against logits of 3 and -3, it is the only noise.
    expected = 20 * math.log10(3 / (half - 3))
    reference = np.array([[6.0, 0.0], [0.0, 0.0]])
    assert sqnr(reference, output) == pytest.approx(expected, abs=1e-9)
    assert expected == pytest.approx(28.16, abs=5e-3)


def test_sqnr_against_a_hand_computed_value():
    """Logits (1, -1) against (1.1, -1.1): noise is a hundredth of signal."""
    reference, output = np.array([[1.0, -1.0]]), np.array([[1.1, -1.1]])
    assert sqnr(reference, output) == pytest.approx(20, abs=1e-9)
    powers = np.exp(reference)
    mixed = sqnr(powers / powers.sum(), output + 5)
    assert mixed == pytest.approx(20, abs=1e-9)


def test_sqnr_of_all_images_and_of_the_middle_one():
    """Noise 0, 0.02 and 2, on a signal of 2 each."""
    reference = np.array([[1.0, -1.0]] * 3)
    output = np.array([[1.0, -1.0], [1.1, -1.1], [2.0, -2.0]])
    expected = 10 * math.log10(6 / 2.02)
    assert sqnr(reference, output) == pytest.approx(expected, abs=1e-9)
    assert median_sqnr(reference, output) == pytest.approx(20, abs=1e-9)


def test_sqnr_without_what_is_alike_on_all_images():
    """An offset of 0.3, and 0.1 either way on top: noise 0.02 each."""
    reference = np.array([[1.0, -1.0], [-1.0, 1.0]])
    offset = np.array([0.3, -0.3])
    moved = reference + offset
    assert sqnr(reference, moved, ignore_offset=True) > 200
    found = sqnr(
        reference,
        moved + [[0.1, -0.1], [-0.1, 0.1]],
        ignore_offset=True,
    )
    assert found == pytest.approx(20, abs=1e-9)
    # What is no number is noise all the same.
    moved[0] = np.nan
    assert sqnr(reference, moved, ignore_offset=True) == -math.inf


def test_sqnr_without_noise_or_signal():
    some, none = np.array([[3.0, -1.0]]), np.array([[2.0, 2.0]])
    assert sqnr(some, some) == median_sqnr(some, some) == math.inf
    assert sqnr(none, some) == median_sqnr(none, some) == -math.inf


def test_top_hits():
    outputs = np.array([[5, 4, 3, 2], [1, 9, 1, 0], [7, 7, 7, 7]])
    truth = np.array([0, 2, 1])
    assert top_hits(outputs, truth, 1).tolist() == [True, False, False]
    assert top_hits(outputs, truth, 2).tolist() == [True, False, True]
    assert top_hits(outputs, truth, 3).tolist() == [True, True, True]
    assert top_hits(outputs, truth, 9).tolist() == [True, True, True]


def test_calibration_error_against_a_hand_computed_value():
    """Bins of 0.2: (0.6, 0.8] has 1 of 2 at a mean of 0.7, (0.8, 1] 1 of 1.

    2/3 * |0.5 - 0.7| + 1/3 * |1 - 0.95| = 0.15.
    """
    outputs = np.array([[0.62, 0.38], [0.22, 0.78], [0.95, 0.05]])
    truth = np.array([0, 0, 0])
    found = calibration_error(outputs, truth, bins=5)
    assert found == pytest.approx(0.15, abs=1e-12)
    found = calibration_error(np.log(outputs) + 2, truth, bins=5)
    assert found == pytest.approx(0.15, abs=1e-12)


def test_calibration_error_bins_hold_their_upper_end():
    """0.75 goes with 0.6, where errors of -0.25 and 0.6 cancel in part."""
    outputs = np.array([[0.75, 0.25], [0.4, 0.6], [0.24, 0.76]])
    truth = np.array([0, 0, 1])
    found = calibration_error(outputs, truth, bins=4)
    assert found == pytest.approx((abs(0.25 - 0.6) + 0.24) / 3, abs=1e-12)


def test_calibration_error_of_fifteen_bins():
    """0.62 is in the bin up to 2/3 with 0.66, 0.67 is in the next one."""
    outputs = np.array([[p, 1 - p] for p in (0.62, 0.66, 0.67)])
    truth = np.array([0, 1, 1])
    found = calibration_error(outputs, truth)
    assert found == pytest.approx((0.66 - 0.38 + 0.67) / 3, abs=1e-12)


def test_calibration_error_of_certainty():
    outputs = np.array([[1.0000001, 0.0], [0.0, 1.0]])
    assert calibration_error(outputs, np.array([0, 1])) < 1e-6
    assert calibration_error(outputs, np.array([1, 0])) > 1 - 1e-6
