"""Scores of classes as probabilities or as logits, whichever they are.

Which of the two they are, and whether they were rounded to 8 bits, is known:
`output_kind` tells it of a Keras model, and `OutputSpec.kind` and
`tflite.output_scores` of a file. Only of bare arrays nothing is. They are taken
for probabilities if none is negative and every row sums to one, up to rounding;
whatever else is logits. If all are multiples of 1/256 or of 1/255, they were
rounded to 8 bits.
"""

from __future__ import annotations

import numpy as np

_SUM_TOLERANCE = 0.05
# The scale that TFLite's quantization specification gives a softmax in 8 bits,
# and that of probabilities from 0 to 1.
_STEPS = (1 / 256, 1 / 255)


def are_probabilities(outputs: np.ndarray, kind: str | None = None) -> bool:
    """Whether class scores are probabilities.

    Args:
        outputs: Scores `(images, classes)`.
        kind: `"probabilities"` or `"logits"`, as recorded; any other for
            unknown.
    """
    if kind in ("probabilities", "logits"):
        return kind == "probabilities"
    sums = outputs.sum(axis=1, dtype=np.float64)
    # Rounding can move all classes of a picture in the same direction.
    tolerance = max(_SUM_TOLERANCE, outputs.shape[1] * _rounding(outputs))
    return bool((outputs >= 0).all() and (abs(sums - 1) <= tolerance).all())


def _rounding(outputs, step=None):
    """The most by which rounding to 8 bits moved a probability, if it did."""
    if step is not None:
        return step / 2
    for step in _STEPS:
        numbers = outputs.astype(np.float64) / step
        if np.allclose(numbers, np.round(numbers), rtol=0, atol=1e-4):
            return step / 2
    return 0.0


def to_probabilities(
    outputs: np.ndarray, kind: str | None = None
) -> np.ndarray:
    """Probabilities `(images, classes)`, float64, of either kind.

    Args:
        outputs: As in `are_probabilities`.
        kind: As in `are_probabilities`.
    """
    if are_probabilities(outputs, kind):
        return outputs.astype(np.float64)
    outputs = outputs.astype(np.float64)
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def to_logits(
    outputs: np.ndarray, kind: str | None = None, step: float | None = None
) -> np.ndarray:
    """Logits `(images, classes)`, float64, of either kind.

    Each row has its mean taken off. Probabilities do not tell it, and it
    changes no answer. A zero that was rounded to 8 bits counts as half a
    step: the most that it can have been. A single score is that of the second
    of two classes (`as_two_classes`), and gives two logits.

    Args:
        outputs: As in `are_probabilities`.
        kind: As in `are_probabilities`.
        step: Difference of neighbouring numbers where they were rounded to 8
            bits, 0 where they were not; `None` for unknown.
    """
    if outputs.shape[1] == 1:
        outputs, kind = as_two_classes(outputs, kind)
    if are_probabilities(outputs, kind):
        smallest = max(_rounding(outputs, step), np.finfo(np.float32).tiny)
        outputs = np.log(np.maximum(outputs.astype(np.float64), smallest))
    outputs = outputs.astype(np.float64)
    return outputs - outputs.mean(axis=1, keepdims=True)


def label_probabilities(
    outputs: np.ndarray, kind: str | None = None
) -> np.ndarray:
    """Probability of each label by itself, float64, as of several sigmoids.

    Args:
        outputs: Scores `(images, labels)`.
        kind: As in `are_probabilities`. Unless it is known, values that are
            all in [0, 1] are taken for probabilities.
    """
    outputs = outputs.astype(np.float64)
    if _single_kind(outputs, kind) == "probabilities":
        return outputs
    # Without overflow.
    return 0.5 * (1 + np.tanh(outputs / 2))


def label_logits(
    outputs: np.ndarray, kind: str | None = None, step: float | None = None
) -> np.ndarray:
    """Logit of each label by itself, float64: log(p / (1 - p)).

    A 0 or 1 that was rounded to 8 bits counts as half a step from there.

    Args:
        outputs: As in `label_probabilities`.
        kind: As in `label_probabilities`.
        step: As in `to_logits`.
    """
    outputs = outputs.astype(np.float64)
    if _single_kind(outputs, kind) == "logits":
        return outputs
    # In float32, nothing is nearer to 1 than that.
    least = max(_rounding(outputs, step), np.finfo(np.float32).epsneg)
    outputs = np.clip(outputs, least, 1 - least)
    return np.log(outputs) - np.log1p(-outputs)


def _single_kind(outputs, kind):
    if kind in ("probabilities", "logits"):
        return kind
    inside = ((outputs >= 0) & (outputs <= 1)).all()
    return "probabilities" if inside else "logits"


def as_two_classes(
    outputs: np.ndarray, kind: str | None = None
) -> tuple[np.ndarray, str]:
    """Scores of both classes where there is one score, as of a sigmoid.

    Args:
        outputs: `(images, 1)`: the probability of the second class, or its
            logit. Unless the kind is known, values that are all in [0, 1] are
            taken for probabilities.
        kind: As in `are_probabilities`.

    Returns:
        Scores `(images, 2)`, and their kind.
    """
    kind = _single_kind(outputs, kind)
    # In float64, the difference of a float32 probability to 1 is exact.
    outputs = outputs.astype(np.float64)
    first = 1 - outputs if kind == "probabilities" else 0 * outputs
    return np.concatenate([first, outputs], axis=1), kind
