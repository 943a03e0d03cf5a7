"""Statistics of classifier outputs: plain NumPy, no models, no files.

Outputs may be probabilities or logits: `keras_mobilevit.class_scores` says how
they are told apart where nothing tells which they are. What counts as signal
depends on the problem (`keras_mobilevit.problem_types`):

- One of several classes, or of two: logits less their mean over the classes,
  which changes no answer. A single score is that of the second of two classes.
- Several labels: the logit of each label, less its mean over the images: rare
  labels have logits far from 0, whatever the image is.
- Values: less their mean over the images, never over the outputs.
"""

from __future__ import annotations

import math
import statistics

import numpy as np

from keras_mobilevit import class_scores
from keras_mobilevit.deprecation import moved_name

# Of a two-sided interval of 95 %.
_Z = statistics.NormalDist().inv_cdf(0.975)

_MOVED = {
    name: f"keras_mobilevit.class_scores.{name}"
    for name in ("to_logits", "to_probabilities")
}


def __getattr__(name):
    return moved_name(__name__, name, _MOVED)


def sqnr(
    reference: np.ndarray,
    output: np.ndarray,
    kind: str | None = None,
    step: float | None = None,
    *,
    problem_type: str = "single_label",
    ignore_offset: bool = False,
) -> float:
    """Signal to quantization noise in dB, of logits or values.

    Args:
        reference: Outputs `(images, classes)` of the model to compare with.
        output: Outputs of another model for the same images.
        kind: What both are, as in
            `keras_mobilevit.class_scores.are_probabilities`.
        step: Of `output`, as in `keras_mobilevit.class_scores.to_logits`.
        problem_type: One of `keras_mobilevit.model_info.PROBLEM_TYPES`. A
            single score is binary, unless it is a value.
        ignore_offset: As in `powers`.

    Returns:
        Power of the reference's signal over that of the difference; infinite
        where there is none.
    """
    signal, noise = powers(
        reference,
        output,
        kind,
        step,
        problem_type=problem_type,
        ignore_offset=ignore_offset,
    )
    return decibels(signal.sum(), noise.sum())


def median_sqnr(
    reference: np.ndarray,
    output: np.ndarray,
    kind: str | None = None,
    step: float | None = None,
    *,
    problem_type: str = "single_label",
) -> float:
    """As `sqnr`, but of each image by itself, and of these the median.

    A few images with large errors pull `sqnr` down; they do not move this.
    """
    found = powers(reference, output, kind, step, problem_type=problem_type)
    return float(np.median(_decibels(*found)))


def powers(
    reference: np.ndarray,
    output: np.ndarray,
    kind: str | None = None,
    step: float | None = None,
    *,
    problem_type: str = "single_label",
    ignore_offset: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Power of the signal of each image, and of what is wrong with it.

    Args:
        reference: As in `sqnr`.
        output: As in `sqnr`.
        kind: As in `sqnr`.
        step: As in `sqnr`.
        problem_type: As in `sqnr`.
        ignore_offset: Leave out the part of the error that is the same for
            all images, which bias correction removes. Of a single image,
            nothing is left.

    Returns:
        `(signal, noise)`, arrays `(images,)`. Where the output is not a
        number, or infinite, so is the noise.
    """
    finite = np.isfinite(output).all(axis=1)
    output = np.where(finite[:, None], output, 0)
    if problem_type == "regression":
        output = output.astype(np.float64)
        signal = reference = reference.astype(np.float64)
    elif problem_type == "multi_label":
        reference = class_scores.label_logits(reference, kind)
        signal, output = (
            reference,
            class_scores.label_logits(output, kind, step),
        )
    else:
        kind = kind or _common_kind(reference, output)
        signal = reference = class_scores.to_logits(reference, kind)
        output = class_scores.to_logits(output, kind, step)
    if problem_type in ("regression", "multi_label"):
        signal = signal - signal.mean(axis=0)
    error = output - reference
    if ignore_offset and finite.any():
        error = error - error[finite].mean(axis=0)
    noise = (error**2).sum(axis=1)
    return (signal**2).sum(axis=1), np.where(finite, noise, np.inf)


def same_answer(
    reference: np.ndarray, output: np.ndarray, kind: str | None = None
) -> np.ndarray:
    """Whether two models answer with the same class, for each image.

    Args:
        reference: As in `sqnr`.
        output: As in `sqnr`.
        kind: As in `sqnr`.

    Returns:
        Booleans `(images,)`.
    """
    if reference.shape[1] == 1:
        kind = kind or _common_kind(reference, output)
        reference, _ = class_scores.as_two_classes(reference, kind)
        output, _ = class_scores.as_two_classes(output, kind)
    return reference.argmax(axis=1) == output.argmax(axis=1)


def _common_kind(reference, output):
    """What single scores are, which must not differ between two models."""
    if reference.shape[1] != 1:
        return None
    return class_scores.as_two_classes(np.concatenate([reference, output]))[1]


def same_labels(
    reference: np.ndarray, output: np.ndarray, kind: str | None = None
) -> np.ndarray:
    """Whether two models answer the same, for each image and label.

    A label is there where its probability is more than 0.5.

    Args:
        reference: Scores `(images, labels)`, each label by itself.
        output: The same of another model.
        kind: As in `keras_mobilevit.class_scores.label_probabilities`.

    Returns:
        Booleans `(images, labels)`.
    """
    return np.equal(
        *(
            class_scores.label_probabilities(scores, kind) > 0.5
            for scores in (reference, output)
        )
    )


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the curve of precision over recall, without interpolation.

    The sum over all thresholds of the precision times the gain of recall, as
    in scikit-learn. Equal scores share a threshold.

    Args:
        scores: Of one label `(images,)`, higher for more certain.
        truth: Whether it is there, booleans `(images,)`.

    Returns:
        In [0, 1]; not a number if it is nowhere.
    """
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.cumsum(truth[order])
    if not len(hits) or hits[-1] == 0:
        return math.nan
    # The last of equal scores.
    ends = np.append(np.diff(scores) != 0, True)
    precision = hits[ends] / (np.flatnonzero(ends) + 1)
    recall = hits[ends] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def mean_average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean of `average_precision` over the labels that are on any image.

    Args:
        scores: `(images, labels)`.
        truth: Booleans `(images, labels)`.

    Returns:
        In [0, 1]; not a number if there is no label on any image.
    """
    found = [
        average_precision(*pair) for pair in zip(scores.T, truth.T, strict=True)
    ]
    return float(np.mean([x for x in found if not math.isnan(x)] or [math.nan]))


def root_mean_square_error(values: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean square of `values - truth`, arrays of one shape."""
    return float(np.sqrt(np.mean((values - truth.astype(np.float64)) ** 2)))


def r_squared(values: np.ndarray, truth: np.ndarray) -> float:
    """Share of the variance of the truth that values explain, R².

    Args:
        values: `(images, outputs)`.
        truth: The right ones.

    Returns:
        Mean over the outputs, at most 1; 0 for the mean of the truth. Not a
        number if the truth of an output is the same for all images.
    """
    truth = truth.astype(np.float64)
    rest = ((values - truth) ** 2).sum(axis=0)
    total = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    if (total == 0).any():
        return math.nan
    return float(np.mean(1 - rest / total))


def decibels(signal: float, noise: float) -> float:
    """Ratio of two powers in dB.

    Infinite where there is no noise; minus infinite where there is noise
    alone, or outputs are not numbers.
    """
    return float(_decibels(np.float64(signal), np.float64(noise)))


def _decibels(signal, noise):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.divide(
            signal, noise, out=np.full_like(signal, np.inf), where=noise != 0
        )
        ratio = np.where(np.isfinite(noise), ratio, 0)
        return 10 * np.log10(ratio)


def top_hits(outputs: np.ndarray, truth: np.ndarray, top: int) -> np.ndarray:
    """Whether the right class is among the `top` first, for each image.

    Args:
        outputs: Probabilities or logits `(images, classes)`.
        truth: Right classes `(images,)`, as indices.
        top: How many answers count. Of equal outputs the first is first, as
            in `argmax`.

    Returns:
        Booleans `(images,)`.
    """
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :top]
    return (best == truth[:, None]).any(axis=1)


def calibration_error(
    outputs: np.ndarray,
    truth: np.ndarray,
    bins: int = 15,
    kind: str | None = None,
) -> float:
    """Expected calibration error (Guo et al. 2017, arXiv 1706.04599).

    Images are put into bins by the probability of the class that is answered;
    bin m holds those in ((m - 1) / bins, m / bins]. The error is the
    difference between accuracy and mean probability of a bin, averaged over
    the images.

    Args:
        outputs: Probabilities or logits `(images, classes)`.
        truth: Right classes `(images,)`, as indices.
        bins: Number of bins, of equal width.
        kind: As in `keras_mobilevit.class_scores.are_probabilities`.

    Returns:
        In [0, 1]; 0 is best.
    """
    probabilities = class_scores.to_probabilities(outputs, kind)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    # A sum of probabilities that is a little over one gives one bin too many.
    chosen = np.minimum(np.ceil(confidence * bins), bins).astype(int)
    gaps = np.bincount(chosen, weights=right - confidence)
    return float(abs(gaps).sum() / len(truth))


def wilson_interval(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927).

    Args:
        hits: How often it was so.
        total: Out of how often, at least 1.

    Returns:
        `(low, high)` in [0, 1].
    """
    share, z = hits / total, _Z
    centre = share + z**2 / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    return (
        max((centre - half) / scale, 0.0),
        min((centre + half) / scale, 1.0),
    )


def difference_interval(
    gained: int, lost: int, total: int
) -> tuple[float, float]:
    """95 % interval of the difference of two shares of the same images.

    Bonett and Price 2012 (J. Educ. Behav. Stat. 37:479): Wald's interval with
    one image added to either kind of disagreement. Fagerland, Lydersen and
    Laake 2014 (Stat. Med. 33:2850) recommend it. It keeps a width where two
    models differ on no image, about that of the rule of three.

    Args:
        gained: Images that only the second model has right.
        lost: Images that only the first model has right.
        total: All images, at least 1.

    Returns:
        `(low, high)` in [-1, 1] of the second share less the first,
        `(gained - lost) / total`.
    """
    gained, lost = (gained + 1) / (total + 2), (lost + 1) / (total + 2)
    centre = gained - lost
    half = _Z * math.sqrt((gained + lost - centre**2) / (total + 2))
    return max(centre - half, -1.0), min(centre + half, 1.0)
