"""Descriptions of models, right and wrong, and whether Python takes them."""

from __future__ import annotations

import json
import pathlib

from golden_values.writing import write_json
from keras_mobilevit.model_info import ModelInfo

# Values of single keys of a description.
FIELDS = [
    {},
    {"unknown": {"a": [1, None]}},
    {"name": "x" * 10_000},
    {"name": "x" * 10_001},
    {"name": None},
    {"name": 5},
    {"task": "detection"},
    {"task": "generation"},
    {"task": None},
    {"labels": ["a", "b"]},
    {"labels": ["a", 1]},
    {"labels": "ab"},
    {"labels": ["a", "b"], "classes": 2},
    {"labels": ["a", "b"], "classes": 3},
    {"classes": 0},
    {"classes": None},
    {"classes": True},
    {"classes": 2.0},
    {"image": []},
    {"image": None},
    {"image": {"size": [3, 4]}},
    {"image": {"size": None}},
    {"image": {"size": [3]}},
    {"image": {"size": [0, 4]}},
    {"image": {"size": [65536, 65537]}},
    {"image": {"size": "34"}},
    {"image": {"crop_pct": 0.5}},
    {"image": {"crop_pct": 0}},
    {"image": {"crop_pct": 1.5}},
    {"image": {"crop_pct": "0.5"}},
    {"image": {"crop_pct": None}},
    {"image": {"pre_resize": -1}},
    {"image": {"pre_resize": 1.5}},
    {"image": {"crop_mode": "corner"}},
    {"image": {"antialias": 1}},
    {"image": {"antialias": "true"}},
    {"image": {"channel_order": None}},
    {"image": {"channel_order": "rgba"}},
    {"image": {"scale": [0.5, 1, 2]}},
    {"image": {"scale": 0}},
    {"image": {"scale": []}},
    {"image": {"scale": [1, 1, 1, 1, 1]}},
    {"image": {"scale": [1, "1", 1]}},
    {"image": {"scale": 1e31}},
    {"image": {"offset": [-2.5, 0, 1]}},
    {"image": {"offset": -1e31}},
    {"output": {"kind": "boxes"}},
    {"output": {"kind": None}},
    {"output": {"kind": "box"}},
    {"output": {"problem_type": "binary"}},
    {"output": {"problem_type": 1}},
    {"output": {"label_offset": 1}},
    {"output": {"label_offset": 2}},
    {"output": {"stride": 16}},
    {"output": {"stride": 0}},
    {"output": {"decoding": []}},
    {"recipe_fields": None},
    {"calibration_images": 1_000_000_001},
    {"calibration_seed": 2**64},
    {"calibration_seed": 2**64 + 1},
    {"fidelity": "good"},
    {"self_test": {"outputs": {}}},
    {"schema_version": 3},
    {"schema_version": 0},
    {"schema_version": "2"},
    {"schema_version": True},
]
TEXTS = [
    "",
    "null",
    "[]",
    '{"schema_version": 2',
    '{"schema_version": 2} x',
    '{"schema_version": 2, "fidelity": {"sqnr_db": NaN}}',
    '{"schema_version": 2, "fidelity": {"sqnr_db": -Infinity}}',
    '{"schema_version": 2, "fidelity": {"sqnr_db": word}}',
    '{"schema_version": 2, "fidelity": {"sqnr_db": 01}}',
    '{"schema_version": 2, "fidelity": {"sqnr_db": .5}}',
    '{"schema_version": 2, "name": \'x\'}',
    '{"schema_version": 2, "name": "a\\u00e4\\"]}{"}',
    '{"schema_version": 2, "fidelity": ' + "[" * 10_000 + "]" * 10_000 + "}",
]


def write(folder: pathlib.Path) -> None:
    """Writes `descriptions.json`: texts, and the description or null."""
    texts = [json.dumps({"schema_version": 2, **fields}) for fields in FIELDS]
    write_json(
        folder / "descriptions.json",
        [{"text": text, "info": _read(text)} for text in texts + TEXTS],
    )


def _read(text):
    try:
        return json.loads(ModelInfo.from_json(text).to_json())
    except ValueError:
        return None
