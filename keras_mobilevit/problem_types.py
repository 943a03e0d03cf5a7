"""What the numbers of a classifier's output answer: four types of problems.

- `single_label`: one of several classes, a score each, as behind a softmax.
- `binary`: one of two classes, by one score: that of the second. It is there
  where its probability is more than 0.5, or its logit more than 0.
- `multi_label`: any of several classes, independently, each as in `binary`.
- `regression`: values that are no scores.

They are recorded in `OutputSpec.problem_type`. Where they are not, the last
activation tells, of a Keras model (`output_kind`) and of a file
(`tflite.output_scores`).
"""

from __future__ import annotations

import dataclasses

from keras_mobilevit.model_info import OutputSpec

# Activation -> what is behind it. All else is no score of a class.
KINDS = {
    "linear": "logits",
    "softmax": "probabilities",
    "sigmoid": "probabilities",
}


@dataclasses.dataclass(frozen=True)
class ScoreFormat:
    """How to read the numbers of a classifier.

    Attributes:
        problem_type: One of `keras_mobilevit.model_info.PROBLEM_TYPES`;
            `None` if unknown.
        kind: `"probabilities"`, `"logits"`, or `None` for neither or unknown.
        step: Difference of neighbouring numbers where they are rounded to 8
            bits; 0 where they are not.
    """

    problem_type: str | None = None
    kind: str | None = None
    step: float = 0.0


def score_format(activation: str | None, values: int) -> ScoreFormat:
    """What the last activation tells of an output of so many values.

    Args:
        activation: Name, `"linear"` for none, `None` for unknown.
        values: Numbers for each picture.
    """
    kind = KINDS.get(activation)
    if kind is None:
        # Numbers of another kind; many of them may be features.
        return ScoreFormat("regression" if values == 1 else None)
    if values == 1:
        # A softmax over one class always says 1.
        return ScoreFormat("binary", kind)
    if activation == "sigmoid":
        return ScoreFormat("multi_label", kind)
    return ScoreFormat("single_label", kind)


def recorded_format(output: OutputSpec, found: ScoreFormat) -> ScoreFormat:
    """What is recorded of an output, completed by what was found.

    Args:
        output: The description.
        found: What a model or file itself tells.
    """
    problem_type = output.problem_type or found.problem_type
    kind = output.kind if output.kind in KINDS.values() else found.kind
    return ScoreFormat(problem_type, kind, found.step)


def check_problem_type(problem_type: str | None, values: int) -> None:
    """Checks that an output can be of a type.

    Args:
        problem_type: One of the four; `None` for unknown.
        values: Numbers for each picture.

    Raises:
        ValueError: If it has another number of values.
    """
    if problem_type == "binary" and values != 1:
        raise ValueError(
            "A binary output is one number, the score of the second class; "
            "two classes with a score each are problem_type='single_label'. "
            f"Received: an output of {values} numbers"
        )
    if problem_type == "single_label" and values == 1:
        raise ValueError(
            "One class of several needs a score each. Received: an output of "
            "one number, which is problem_type='binary' or 'regression'"
        )
