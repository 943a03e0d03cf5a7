"""Checks as a table for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence

from keras_mobilevit.machine import describe_machine
from keras_mobilevit.markdown_tables import markdown_table
from runtime_trials.runtime_check import RuntimeCheck


def as_table(checks: Sequence[RuntimeCheck]) -> str:
    """A Markdown table, and below it why files do not run."""
    table = markdown_table(
        (
            "file",
            "runtime",
            "runs",
            "nodes in XNNPACK",
            "dB to here",
            "dB to float",
            "same answer",
            "ms",
            "speed",
        ),
        [
            (check.file, check.runtime, *_cells(check.answers))
            for check in checks
        ],
    )
    reasons = [
        f"{check.file} in {check.runtime}: {check.reason}"
        for check in checks
        if check.reason
    ]
    return "\n".join([table, *([""] if reasons else []), *reasons])


def as_json(checks: Sequence[RuntimeCheck]) -> str:
    """All figures, and the machine. Numbers that JSON lacks become null."""
    rows = [dataclasses.asdict(check) for check in checks]
    for row in rows:
        row["answers"] = row["answers"] and {
            key: value if value is None or math.isfinite(value) else None
            for key, value in row["answers"].items()
        }
    return json.dumps({"machine": describe_machine(), "checks": rows}, indent=2)


def _cells(answers):
    if answers is None:
        return ("no", *["-"] * 6)
    same, to_float = answers.agreement, answers.float_sqnr
    return (
        "yes",
        f"{answers.delegated}/{answers.nodes} in {answers.partitions}",
        f"{answers.sqnr:.1f}",
        "-" if to_float is None else f"{to_float:.1f}",
        "-" if same is None else f"{100 * same:.0f} %",
        f"{answers.milliseconds:.2f}",
        f"{answers.speed:.2f}",
    )
