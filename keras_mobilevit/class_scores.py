"""Scores of classes as probabilities or as logits, whichever they are.

Which of the two they are is recorded: `output_kind` tells it of a Keras model
and `OutputSpec.kind` of a file. Where it is not, as in files of others, they
are taken for probabilities if none is negative and every row sums to one, up
to rounding; whatever else is logits. If all are multiples of 1/256, they were
rounded to 8 bits.
"""

from __future__ import annotations

import numpy as np

_SUM_TOLERANCE = 0.05
# The scale that TFLite's quantization specification gives an int8 softmax. Its
# files can have float outputs behind that, which no longer tell their scale.
_STEP = 1 / 256


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


def _rounding(outputs):
    """The most by which rounding to 8 bits moved a probability, if it did."""
    return _STEP / 2 if (outputs % _STEP == 0).all() else 0.0


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


def to_logits(outputs: np.ndarray, kind: str | None = None) -> np.ndarray:
    """Logits `(images, classes)`, float64, of either kind.

    Each row has its mean taken off. Probabilities do not tell it, and it
    changes no answer. A zero that was rounded to 8 bits counts as half a
    step: the most that it can have been. A single score is that of the second
    of two classes (`as_two_classes`), and gives two logits.

    Args:
        outputs: As in `are_probabilities`.
        kind: As in `are_probabilities`.
    """
    if outputs.shape[1] == 1:
        outputs, kind = as_two_classes(outputs, kind)
    if are_probabilities(outputs, kind):
        smallest = max(_rounding(outputs), np.finfo(np.float32).tiny)
        outputs = np.log(np.maximum(outputs.astype(np.float64), smallest))
    outputs = outputs.astype(np.float64)
    return outputs - outputs.mean(axis=1, keepdims=True)


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
    if kind not in ("probabilities", "logits"):
        inside = ((outputs >= 0) & (outputs <= 1)).all()
        kind = "probabilities" if inside else "logits"
    # In float64, the difference of a float32 probability to 1 is exact.
    outputs = outputs.astype(np.float64)
    first = 1 - outputs if kind == "probabilities" else 0 * outputs
    return np.concatenate([first, outputs], axis=1), kind
