"""All figures of a benchmark as a tree that JSON can hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np


def to_json(comparisons: Sequence[Any], machine: dict) -> dict:
    """Returns every figure, arrays as lists.

    Args:
        comparisons: Dataclasses with a list `results` of dataclasses.
        machine: From `keras_mobilevit.machine.describe_machine`.
    """
    tree = {"machine": machine, "comparisons": []}
    for comparison in comparisons:
        fields = dataclasses.asdict(comparison)
        for result in fields["results"]:
            for name, value in result.items():
                if isinstance(value, np.ndarray):
                    result[name] = value.tolist()
        tree["comparisons"].append(fields)
    return tree
