"""Agreements as tables for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence

from arm64.agreement import Agreement
from arm64.preparation import host_versions
from keras_mobilevit.markdown_tables import markdown_table

_NOT_TIME = (
    "Instructions are not time: they differ in latency and width, and no "
    "cache, memory or order of execution is modelled."
)


def as_tables(results: Sequence[Agreement]) -> str:
    """One Markdown table a core, and one of instructions where counted."""
    by_core = {}
    for result in results:
        by_core.setdefault(result.core, []).append(result)
    parts = []
    for core, rows in by_core.items():
        parts += [f"{core}, against the host", _agreement_table(rows)]
        if all(row.instructions for row in rows):
            title = f"{core}, millions of executed instructions per inference"
            parts += [title, _instruction_table(rows)]
    if any(result.instructions for result in results):
        parts.append(_NOT_TIME)
    return "\n\n".join(parts)


def as_json(results: Sequence[Agreement]) -> str:
    """All results with the versions they hold for.

    An infinite `sqnr` becomes null, which JSON has.
    """
    rows = [dataclasses.asdict(result) for result in results]
    for row in rows:
        row["sqnr"] = row["sqnr"] if math.isfinite(row["sqnr"]) else None
    return json.dumps({**host_versions(), "results": rows}, indent=2)


def _agreement_table(rows):
    return markdown_table(
        (
            "file",
            "XNNPACK nodes",
            "same nodes",
            "identical inputs",
            "SQNR dB",
            "same top-1",
        ),
        [
            (
                row.file,
                f"{row.delegated}/{row.nodes} in {row.partitions}",
                _yes(row.same_delegation),
                f"{row.identical}/{row.images}",
                f"{row.sqnr:.1f}",
                _yes(row.same_top1),
            )
            for row in rows
        ],
    )


def _instruction_table(rows):
    kinds = [field.name for field in dataclasses.fields(rows[0].instructions)]
    first = rows[0].instructions.all
    return markdown_table(
        ("file", *kinds, "of the first file"),
        [
            (
                row.file,
                *(
                    f"{getattr(row.instructions, kind) / 1e6:.2f}"
                    for kind in kinds
                ),
                f"{row.instructions.all / first:.3f}",
            )
            for row in rows
        ],
    )


def _yes(value):
    return "yes" if value else "no"
