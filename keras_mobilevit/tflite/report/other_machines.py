"""What phones and other machines measured of the files of a report."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Mapping, Sequence

from keras_mobilevit.tflite.benchmarks.result_summaries import (
    Summary,
    summarize_results,
)
from keras_mobilevit.tflite.benchmarks.result_tables import (
    delegation_text,
    describe_measured_machine,
    heat_text,
    run_text,
    self_test_text,
    spread_text,
)
from keras_mobilevit.tflite.benchmarks.results import read_results
from keras_mobilevit.tflite.report.pages import Section


@dataclasses.dataclass(frozen=True)
class OtherMachine:
    """Results of one file of results.

    Attributes:
        name: Name of the machine, of which no two are equal.
        description: What it is, in a line.
        summaries: Its figures, with names of the report for the files.
    """

    name: str
    description: str
    summaries: tuple[Summary, ...]


def read_other_machines(
    results: Sequence[str | os.PathLike],
    files: Mapping[str, str | os.PathLike],
    here: str = "",
) -> list[OtherMachine]:
    """Reads results and keeps those of the files of a report.

    Args:
        results: Files of JSON, of anyone's making.
        files: Name in the report -> `.tflite` file.
        here: Name of the machine that writes the report.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If one holds no results, or none of these files.
    """
    if not results:
        return []
    names = {
        hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(): name
        for name, path in files.items()
    }
    machines: list[OtherMachine] = []
    for path in results:
        document = read_results(path)
        summaries = summarize_results(document)
        known = [s for s in summaries if s.sha256 in names]
        if not known:
            measured = sorted({summary.file for summary in summaries})
            raise ValueError(
                f"{path} has no results of the two files of this report: "
                "measure exactly these. Received: results of "
                f"{', '.join(measured)[:300]}"
            )
        # By the hash: what it is called on a phone says nothing.
        known.sort(key=lambda s: list(names).index(s.sha256))
        taken = [here, *(machine.name for machine in machines)]
        name = _unused(known[0].machine, taken)
        machines.append(
            OtherMachine(
                name,
                describe_measured_machine(document["machine"]),
                tuple(
                    dataclasses.replace(
                        summary, machine=name, file=names[summary.sha256]
                    )
                    for summary in known
                ),
            )
        )
    return machines


def side_by_side(summaries: Sequence[Summary]) -> Section:
    """Latencies with a column a machine.

    Args:
        summaries: Of all machines.
    """
    machines = list(dict.fromkeys(summary.machine for summary in summaries))
    cells: dict[tuple[str, str], dict[str, list[Summary]]] = {}
    for summary in summaries:
        row = cells.setdefault((summary.file, summary.options), {})
        row.setdefault(summary.machine, []).append(summary)
    return Section(
        title="Latency on all machines",
        text="Milliseconds: median, and 5th to 95th percentile of single "
        "inferences. The first machine is the one that wrote this report.",
        header=("file", "on", *machines),
        rows=[
            (
                file,
                options,
                *(_latencies(row.get(machine, ())) for machine in machines),
            )
            for (file, options), row in cells.items()
        ],
    )


def _latencies(summaries):
    """An app and a program in the shell are two measurements."""
    if len(summaries) == 1:
        return spread_text(summaries[0])
    return "; ".join(f"{s.tool}: {spread_text(s)}" for s in summaries)


def how_measured(machines: Sequence[OtherMachine]) -> Section:
    """How the other machines measured, and whether they compute the same.

    Args:
        machines: From `read_other_machines`.
    """
    notes = dict.fromkeys(
        f"{summary.machine}, {summary.file}, {summary.options}: {text}"
        for machine in machines
        for summary in machine.summaries
        for text in summary.warnings
    )
    return Section(
        title="How the other machines measured",
        text="\n".join([*(m.description for m in machines), *notes]),
        header=(
            *("machine", "file", "on", "delegated", "self-test", "heat"),
            "measured by",
        ),
        rows=[
            (
                *(summary.machine, summary.file, summary.options),
                delegation_text(summary),
                self_test_text(summary),
                heat_text(summary),
                run_text(summary),
            )
            for machine in machines
            for summary in machine.summaries
        ],
    )


def _unused(name, taken):
    numbered, number = name, 1
    while numbered in taken:
        number += 1
        numbered = f"{name} ({number})"
    return numbered
