"""Integers for the weights of a layer, chosen together.

Rounding each weight to the nearest step makes the least error of weights, not
of outputs: where inputs vary together, the errors of some weights can make up
for those of others. Frantar et al., "GPTQ: Accurate Post-Training Quantization
for Generative Pre-trained Transformers" (2022, arXiv 2210.17323), round one
input's weights after the other, and let the weights that are still to be
rounded take over the error, by least squares. As in their later code, inputs of
most power come first, while there is much left that can take over.
"""

from __future__ import annotations

import numpy as np

HIGHEST = 127
# Of the mean power of an input, added to each: as in the paper. What images
# did not show may be seen later.
_DAMPING = 0.01
# Columns that are rounded before the weights behind them are brought up to
# date by one product of matrices.
_BLOCK = 128


def round_together(
    weights: np.ndarray, scales: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Rounds weights so that their products with the inputs change little.

    Args:
        weights: `(groups, outputs, inputs)`; each group has inputs of its own.
        scales: `(groups, outputs)`, what a step is worth.
        second: `(groups, inputs, inputs)`, second moments of the inputs.

    Returns:
        int8 in [-127, 127], in the shape of `weights`. For no output the
        power `e H eᵀ` of its error e is larger than with each weight rounded
        to the nearest step.
    """
    weights = np.asarray(weights, np.float64)
    steps = np.asarray(scales, np.float64)[..., None]
    nearest = _nearest(weights, steps)
    together = _round_strongest_first(weights, steps, second)
    errors = [
        _power(weights - rounded * steps, second)
        for rounded in (nearest, together)
    ]
    better = errors[1] < errors[0]
    return np.where(better[..., None], together, nearest).astype(np.int8)


def _nearest(weights, steps):
    return np.clip(np.round(weights / steps), -HIGHEST, HIGHEST)


def _round_strongest_first(weights, steps, second):
    power = np.diagonal(second, axis1=1, axis2=2)
    order = np.argsort(-power, axis=1, kind="stable")
    rows, columns = order[:, :, None], order[:, None]
    second = np.take_along_axis(second, rows, axis=1)
    second = np.take_along_axis(second, columns, axis=2)
    weights = np.take_along_axis(weights, columns, axis=2)
    rounded = _round_in_turn(weights, steps, _conditional_factors(second))
    back = np.argsort(order, axis=1)[:, None]
    return np.take_along_axis(rounded, back, axis=2)


def _power(errors, second):
    return np.sum(np.matmul(errors, second) * errors, axis=-1)


def _conditional_factors(second):
    """Upper triangular U with Uᵀ U = H⁻¹, of damped second moments H.

    Row i over its diagonal is how an error of input i's weight is best made
    up for by the weights behind it.
    """
    power = np.diagonal(second, axis1=1, axis2=2)
    damping = _DAMPING * power.mean(axis=1)
    # Inputs that were never seen ask for nothing: each weight on its own.
    damping = np.where(damping > 0, damping, 1.0)
    damped = second + damping[:, None, None] * np.eye(second.shape[-1])
    return np.linalg.cholesky(np.linalg.inv(damped)).swapaxes(1, 2)


def _round_in_turn(weights, steps, factors):
    left = weights.copy()
    rounded = np.empty_like(left)
    inputs = left.shape[-1]
    for begin in range(0, inputs, _BLOCK):
        end = min(begin + _BLOCK, inputs)
        errors = np.empty((*left.shape[:2], end - begin))
        for place in range(begin, end):
            column = left[..., place : place + 1]
            integers = _nearest(column, steps)
            row = factors[:, place : place + 1, place:end]
            error = (column - integers * steps) / row[..., :1]
            left[..., place:end] -= error * row
            rounded[..., place] = integers[..., 0]
            errors[..., place - begin] = error[..., 0]
        left[..., end:] -= np.matmul(errors, factors[:, begin:end, end:])
    return rounded
