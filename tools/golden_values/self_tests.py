"""Records of self-tests and outputs, and the verdicts of Python."""

from __future__ import annotations

import pathlib

import numpy as np

from golden_values.writing import write_array, write_json
from keras_mobilevit.tflite.self_test import compare_output
from keras_mobilevit.tflite.self_test_recording import record_output
from keras_mobilevit.tflite.self_test_values import softmax_steps


def write(folder: pathlib.Path) -> None:
    """Writes `self_tests/`: `cases.json`, and outputs as bytes."""
    folder = folder / "self_tests"
    cases = []
    for index, (name, record, actual) in enumerate(_cases()):
        check = compare_output(actual, record)
        cases.append(
            {
                "name": name,
                "record": record,
                "dtype": actual.dtype.name,
                "shape": actual.shape,
                "actual": write_array(folder / f"{index}.values", actual),
                "verdict": check.verdict,
                # As the results have it: JSON has no infinity.
                "sqnr_db": max(check.sqnr, -200.0),
                "covers": check.covers,
            }
        )
    write_json(folder / "cases.json", cases)
    refused = [
        {"name": name, "record": record} for name, record in _damaged_records()
    ]
    write_json(folder / "refused.json", refused)


def _record(values, least=20.0):
    return {
        "covers": "output",
        **record_output(values),
        "kernels_sqnr_db": least + 10,
        "least_sqnr_db": least,
    }


def _cases():
    rng = np.random.default_rng(0)
    floats = rng.normal(size=(1, 40)).astype(np.float32)
    noise = rng.normal(size=(1, 40)).astype(np.float32)
    record = _record(floats)
    yield "same", record, floats
    yield "near", record, floats + np.float32(0.03) * noise
    yield "far", record, floats + noise
    yield "constant", _record(np.ones((1, 3), np.float32)), floats[:, :3]
    for bad in (np.nan, np.inf):
        broken = floats.copy()
        broken[0, 3] = bad
        yield f"{bad} here", record, broken
        yield f"{bad} recorded", _record(broken), floats
        yield f"{bad} in both", _record(broken), broken
    for dtype in ("int8", "uint8", "int16", "int32", "int64"):
        values = rng.integers(0, 100, (1, 5, 7)).astype(dtype)
        yield f"{dtype} same", _record(values), values
        yield f"{dtype} near", _record(values), values + values.dtype.type(1)
        yield f"{dtype} far", _record(values), values[:, ::-1]
    large = rng.normal(size=(1, 30, 41, 3)).astype(np.float32)
    record = _record(large)
    yield "large same", record, large
    between = large.copy()
    # Not one of the samples: only the hash notices.
    between.ravel()[1] += 1
    yield "large near", record, between
    yield "large far", record, large + 1
    ids = rng.integers(0, 5, (1, 96, 96)).astype(np.uint8)
    yield "mask same", _record(ids), ids
    yield "mask far", _record(ids), ids[:, ::-1]
    yield from _softmax_cases(rng)


def _softmax_cases(rng):
    scale = 0.0873
    logits = rng.integers(-128, 128, (2, 10))
    shares = np.exp((logits - logits.max(1, keepdims=True)) * scale)
    shares = (shares / shares.sum(1, keepdims=True)).astype(np.float32)
    record = {
        "covers": "softmax_input",
        "scale": scale,
        **record_output(softmax_steps(shares, scale)),
        "kernels_sqnr_db": 100.0,
        "least_sqnr_db": 20.0,
    }
    yield "softmax same", record, shares
    # Rounded otherwise, as on another processor.
    other = np.nextafter(shares, np.float32(1))
    yield "softmax rounded", record, other
    yield "softmax far", record, shares[:, ::-1]
    sharp = np.zeros((2, 10), np.float32)
    sharp[:, 2] = 1
    yield "softmax zeros", record, sharp
    broken = shares.copy()
    broken[0, 0] = np.nan
    yield "softmax nan", record, broken


def _damaged_records():
    """Records of a float32 output of shape (1, 4) that fit no output."""
    good = _record(np.arange(4, dtype=np.float32)[None])
    for key in ("covers", "dtype", "shape", "values", "least_sqnr_db"):
        yield f"no {key}", {k: v for k, v in good.items() if k != key}
    yield "other type", {**good, "dtype": "int8"}
    yield "other shape", {**good, "shape": [1, 5]}
    yield "shape of texts", {**good, "shape": ["1", "4"]}
    yield "too short", {**good, "values": "AAAA"}
    yield "no base64", {**good, "values": "!" * 24}
    yield "a number", {**good, "values": 5}
    yield "unknown coverage", {**good, "covers": "half"}
    yield "softmax without scale", {**good, "covers": "softmax_input"}
    yield "scale 0", {**good, "covers": "softmax_input", "scale": 0}
    yield "least is a text", {**good, "least_sqnr_db": "x"}
