"""Integers that are chosen together, against small cases by hand."""

import itertools

import numpy as np
import pytest

from keras_mobilevit.tflite.quantization.gptq import round_together

ONE = np.ones((1, 1))


def moments(rows):
    """Second moments of `(groups, positions, inputs)`."""
    rows = np.asarray(rows, np.float64)
    return rows.swapaxes(1, 2) @ rows / rows.shape[1]


def power(weights, rounded, scales, second):
    errors = weights - rounded * scales[..., None]
    return np.einsum("goi,gij,goj->go", errors, second, errors)


def test_two_inputs_that_are_the_same():
    """0.4 + 0.4 is nearer to 1 + 0 than to 0 + 0."""
    second = moments([[[1, 1], [2, 2], [-1, -1]]])
    found = round_together(np.array([[[0.4, 0.4]]]), ONE, second)
    assert sorted(found[0, 0]) == [0, 1]
    assert found.dtype == np.int8
    # And if they always cancel, two wrongs do.
    second = moments([[[1, -1], [2, -2]]])
    found = round_together(np.array([[[0.4, -0.4]]]), ONE, second)
    assert sorted(np.abs(found[0, 0])) == [0, 1]


def test_inputs_that_know_nothing_of_each_other_round_alone():
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 20, (3, 4, 7))
    second = np.eye(7) * rng.uniform(0.1, 10, (3, 1, 7))
    found = round_together(weights, np.ones((3, 4)), second)
    assert (found == np.round(weights)).all()


def test_the_stronger_input_is_rounded_first():
    """Its error is made up for by the weaker one, wherever they stand."""
    second = np.array([[[1.0, 2.0], [2.0, 100.0]]])
    weights = np.array([[[0.3, 0.45]]])
    # 0.45 to 0; the other takes over 0.45 * 2 / 1 and is 1.2 then.
    for order in ([0, 1], [1, 0]):
        permuted = second[:, order][..., order]
        found = round_together(weights[..., order], ONE, permuted)
        assert found[0, 0].tolist() == np.array([1, 0])[order].tolist()


@pytest.mark.parametrize("inputs", [20, 300])
def test_the_power_of_errors_gets_smaller(inputs):
    """For every output; beyond a block of columns, too."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 4, inputs))
    rows = rng.normal(size=(2, 900, 4)) @ mixing
    second = moments(rows + 0.3 * rng.normal(size=rows.shape))
    weights = rng.normal(size=(2, 6, inputs))
    scales = np.abs(weights).max(axis=-1) / 127 * rng.uniform(1, 4, (2, 6))
    found = round_together(weights, scales, second)
    nearest = np.round(weights / scales[..., None])
    before, after = (
        power(weights, rounded, scales, second) for rounded in (nearest, found)
    )
    assert (after <= before).all()
    assert after.sum() < 0.5 * before.sum()


def test_it_is_near_to_the_best_of_all():
    """Of all ways to round four weights up or down."""
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(40):
        mixing = rng.normal(size=(4, 4))
        second = (mixing @ mixing.T + 0.05 * np.eye(4))[None]
        weights = rng.normal(0, 10, (1, 1, 4))
        found = round_together(weights, ONE, second)
        choices = np.array(list(itertools.product(*[(0, 1)] * 4)))
        every = (np.floor(weights[0]) + choices)[None]
        best = power(weights, every, np.ones((1, len(choices))), second).min()
        (((reached,),), ((nearest,),)) = (
            power(weights, rounded, ONE, second)
            for rounded in (found, np.round(weights))
        )
        ratios.append((reached / best, nearest / best))
    reached, nearest = np.mean(ratios, axis=0)
    assert reached < 0.6 * nearest
    assert np.median([ratio for ratio, _ in ratios]) < 1.3


def test_groups_and_scales_have_nothing_to_do_with_each_other():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, 50, 6)) @ rng.normal(size=(3, 6, 6))
    second, weights = moments(rows), rng.normal(size=(3, 4, 6))
    scales = rng.uniform(0.01, 0.3, (3, 4))
    whole = round_together(weights, scales, second)
    for group in range(3):
        part = slice(group, group + 1)
        found = round_together(weights[part], scales[part], second[part])
        assert (found == whole[part]).all()
    assert (round_together(7 * weights, 7 * scales, second) == whole).all()


def test_the_ends_of_int8_hold():
    """What can not be taken over is lost, and no integer turns around."""
    second = moments([[[1, 1, 1], [2, 2, 2.1]]])
    weights = np.array([[[127.4, 127.4, 127.4], [-300, 0.2, 126.9]]])
    found = round_together(weights, np.ones((1, 2)), second)
    assert (np.abs(found.astype(int)) <= 127).all()
    assert found[0, 0].tolist() == [127, 127, 127]
    assert found[0, 1, 0] == -127


@pytest.mark.parametrize("seen", [0, 1])
def test_inputs_that_were_never_seen_round_alone(seen):
    second = np.zeros((1, 3, 3))
    second[0, 0, 0] = seen
    weights = np.array([[[0.6, 1.4, -2.6]]])
    assert round_together(weights, ONE, second).tolist() == [[[1, 1, -3]]]
