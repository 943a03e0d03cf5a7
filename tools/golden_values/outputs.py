"""Numbers of classifiers of each kind, and what Python reads from them."""

from __future__ import annotations

import pathlib

import numpy as np

from golden_values.writing import write_json
from keras_mobilevit.class_scores import label_probabilities
from keras_mobilevit.problem_types import ScoreFormat
from keras_mobilevit.tflite.runtime import named_results

NAMES = ("ant", "bee", "cow")
LOGITS = [1.5, -2.25, 0.5]
SHARES = [0.25, 0.625, 0.125]
# Problem type, kind, labels, outputs.
CASES = [
    ("single_label", "logits", NAMES, LOGITS),
    ("single_label", "logits", NAMES, SHARES),
    ("single_label", "probabilities", NAMES, SHARES),
    ("single_label", "probabilities", (), [0.25, 0.25, 0.5]),
    ("single_label", None, NAMES, LOGITS),
    ("single_label", None, NAMES, SHARES),
    ("binary", "probabilities", NAMES[:2], [0.75]),
    ("binary", "probabilities", NAMES[:1], [0.25]),
    ("binary", "logits", NAMES[:2], [-0.5]),
    ("binary", "logits", (), [100.0]),
    ("multi_label", "probabilities", NAMES, [0.5, 0.9, 0.51]),
    ("multi_label", "logits", NAMES, LOGITS),
    ("multi_label", None, NAMES, LOGITS),
    ("regression", None, NAMES, [-3.5, 20.25, 0.0]),
    ("regression", None, (), [31.5]),
]
# Type, scale, zero point and values of quantized outputs.
QUANTIZED = [
    ("int8", 0.00390625, -128, [-128, -127, 0, 5, 127]),
    ("int8", 0.0234567, 3, [-128, -1, 0, 3, 127]),
    ("uint8", 0.0123, 7, [0, 1, 7, 128, 255]),
    ("int16", 0.00031, 0, [-32768, -1, 0, 12345, 32767]),
    ("int32", 0.0, 0, [-5, 0, 1, 2, 70000]),
    ("int64", 0.0, 0, [-5, 0, 1, 2, 70000]),
]


def write(folder: pathlib.Path) -> None:
    """Writes `outputs/classifiers.json` and `outputs/quantized.json`."""
    folder = folder / "outputs"
    write_json(
        folder / "classifiers.json", [_case(*fields) for fields in CASES]
    )
    write_json(
        folder / "quantized.json", [_quantized(*fields) for fields in QUANTIZED]
    )


def _case(problem_type, kind, labels, outputs):
    row = np.array([outputs], np.float32)
    scores = ScoreFormat(problem_type, kind)
    (results,) = named_results(row, labels, scores, top=10)
    case = {
        "problem_type": problem_type,
        "kind": kind,
        "labels": labels,
        "outputs": outputs,
        "results": [list(result) for result in results],
    }
    if problem_type == "multi_label":
        case["all"] = label_probabilities(row, kind)[0].tolist()
    return case


def _quantized(dtype, scale, zero_point, values):
    # The formula of TFLite's quantization specification, in float32.
    numbers = np.array(values, dtype).astype(np.float32)
    if scale:
        numbers = np.float32(scale) * (numbers - np.float32(zero_point))
    return {
        "dtype": dtype,
        "scale": float(np.float32(scale)),
        "zero_point": zero_point,
        "values": values,
        "numbers": numbers.astype(np.float64).tolist(),
    }
