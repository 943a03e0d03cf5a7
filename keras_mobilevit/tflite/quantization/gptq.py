"""Integers for the weights of a layer, chosen together.

Rounding each weight to the nearest step makes the least error of weights, not
of outputs: where inputs vary together, the errors of some weights can make up
for those of others. Frantar et al., "GPTQ: Accurate Post-Training Quantization
for Generative Pre-trained Transformers" (2022, arXiv 2210.17323), round one
input's weights after the other, and let the weights that are still to be
rounded take over the error, by least squares. As in their later code, inputs of
most power come first, while there is much left that can take over. It is done
here without the inverse of a matrix, in the form that Chee et al., "QuIP: 2-Bit
Quantization of Large Language Models With Guarantees" (2023, arXiv 2307.13304),
show to be the same.
"""

from __future__ import annotations

import numpy as np

_HIGHEST = 127
# Of the mean power of an input, added to each: as in the paper. What images
# did not show may be seen later.
_DAMPING = 0.01
# Inputs that are rounded one by one, after one product of matrices has brought
# in all errors before them.
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
    return np.clip(np.round(weights / steps), -_HIGHEST, _HIGHEST)


def _round_strongest_first(weights, steps, second):
    power = np.diagonal(second, axis1=1, axis2=2)
    order = np.argsort(-power, axis=1, kind="stable")
    rows, columns = order[:, :, None], order[:, None]
    second = np.take_along_axis(second, rows, axis=1)
    second = np.take_along_axis(second, columns, axis=2)
    weights = np.take_along_axis(weights, columns, axis=2)
    rounded = _round_in_turn(weights, steps, _feedback(second))
    back = np.argsort(order, axis=1)[:, None]
    return np.take_along_axis(rounded, back, axis=2)


def _power(errors, second):
    return np.sum(np.matmul(errors, second) * errors, axis=-1)


def _feedback(second):
    """Upper triangular M, ones on its diagonal: H = M D Mᵀ with a diagonal D.

    H are the damped second moments. So the power of errors e is a sum over the
    inputs of `D (e M)²`, each least if an input's error is the opposite of what
    the errors before it, times its column of M, add up to.
    """
    power = np.diagonal(second, axis1=1, axis2=2)
    damping = _DAMPING * power.mean(axis=1)
    # Inputs that were never seen ask for nothing: each weight on its own.
    damping = np.where(damping > 0, damping, 1.0)
    damped = second + damping[:, None, None] * np.eye(second.shape[-1])
    # NumPy has lower factors alone; of reversed rows and columns it is upper.
    upper = np.linalg.cholesky(damped[:, ::-1, ::-1])[:, ::-1, ::-1]
    return upper / np.diagonal(upper, axis1=1, axis2=2)[:, None]


def _round_in_turn(weights, steps, feedback):
    errors = np.zeros_like(weights)
    rounded = np.empty_like(weights)
    inputs = weights.shape[-1]
    for begin in range(0, inputs, _BLOCK):
        block = slice(begin, min(begin + _BLOCK, inputs))
        wanted = weights[..., block] + np.matmul(
            errors[..., :begin], feedback[:, :begin, block]
        )
        for place in range(begin, block.stop):
            column = wanted[..., place - begin, None] + np.matmul(
                errors[..., begin:place],
                feedback[:, begin:place, place, None],
            )
            integers = _nearest(column, steps)
            rounded[..., place] = integers[..., 0]
            # Of the weight as it was: M has all that others take over.
            errors[..., place] = (
                weights[..., place] - (integers * steps)[..., 0]
            )
    return rounded
