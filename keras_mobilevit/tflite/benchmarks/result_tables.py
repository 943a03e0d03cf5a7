"""Benchmark results of any machine as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.text_formatting import counted
from keras_mobilevit.tflite.benchmarks.result_summaries import (
    Summary,
    machine_name,
)

_COLUMNS = (
    *("file", "bytes", "on", "median ms (p5 - p95)", "speed-up", "init ms"),
    *("first ms", "memory MB", "delegated", "self-test", "heat"),
)


def to_result_table(
    summaries: Sequence[Summary], base: str | None = None
) -> str:
    """Returns a Markdown table, a row a configuration of one machine.

    The speed-up is over one file with the same options and tool, or unknown
    if that was not measured with them.

    Args:
        summaries: From
            `keras_mobilevit.tflite.benchmarks.result_summaries.summarize_results`.
        base: SHA-256 of that file; `None` for the first one of the results.
    """
    if base is None and summaries:
        base = summaries[0].sha256
    bases: dict[tuple, Summary] = {}
    for summary in summaries:
        if summary.sha256 == base:
            bases.setdefault(_how(summary), summary)
    return markdown_table(
        _COLUMNS,
        [_row(summary, bases.get(_how(summary))) for summary in summaries],
    )


def _how(summary):
    return summary.options, summary.tool, summary.process


def _row(summary, base):
    return (
        summary.file,
        f"{summary.size_bytes:,}",
        summary.options,
        spread_text(summary),
        speedup_text(summary, base),
        _one_place(summary.init_ms),
        _one_place(summary.first_ms),
        _one_place(summary.memory_kb and summary.memory_kb / 1024),
        delegation_text(summary),
        self_test_text(summary),
        heat_text(summary),
    )


def to_result_footnote(
    summaries: Sequence[Summary], machine: Mapping[str, Any]
) -> str:
    """Returns how and on what it was measured, in a few lines.

    Args:
        summaries: As in `to_result_table`.
        machine: `machine` of the document.
    """
    lines = [
        f"{', '.join(sorted({run_text(s) for s in summaries}))}, batch 1.",
        describe_measured_machine(machine),
    ]
    return "\n".join([*lines, *_notes(summaries)])


def _notes(summaries):
    """Warnings, each once, with what they are about unless that is all."""
    places: dict[str, list[str]] = {}
    for summary in summaries:
        for text in summary.warnings:
            places.setdefault(text, []).append(
                f"{summary.file} ({summary.options})"
            )
    for text, names in places.items():
        about = "" if len(names) == len(summaries) else ", ".join(names) + ": "
        yield f"note: {about}{text}"


def describe_measured_machine(machine: Mapping[str, Any]) -> str:
    """Model, processor, system and versions, in a line.

    Args:
        machine: `machine` of a document.
    """
    versions = [f"{name} {text}" for name, text in machine["versions"].items()]
    if machine["kind"] == "host":
        facts = (machine["cpu"], f"{machine['cores']} cores", machine["system"])
        return ", ".join([*(fact for fact in facts if fact), *versions])
    frequencies = machine.get("max_frequencies_khz") or ()
    kinds = sorted({f for f in frequencies if f}, reverse=True)
    clusters = " + ".join(
        f"{frequencies.count(f)} x {f / 1e6:.2f} GHz" for f in kinds
    )
    facts = (
        machine_name(machine),
        machine.get("soc"),
        clusters,
        f"Android {machine['android'] or 'unknown'}"
        + (f" (API {machine['sdk']})" if machine["sdk"] else ""),
        machine["abi"],
        *versions,
    )
    return ", ".join(fact for fact in facts if fact)


# === Cells ===


def spread_text(summary: Summary) -> str:
    """Median with percentiles, in ms."""
    return (
        f"{summary.median_ms:.2f} ({summary.p5_ms:.2f} - {summary.p95_ms:.2f})"
    )


def speedup_text(summary: Summary, base: Summary | None) -> str:
    """How many times faster than another configuration."""
    if base is None or not summary.median_ms:
        return "unknown"
    return f"{base.median_ms / summary.median_ms:.2f}"


def delegation_text(summary: Summary) -> str:
    """How much of the graph the accelerator executed."""
    if summary.delegated is None:
        return "unknown"
    # Of the nodes alone one knows little, but that it took part.
    text = f"{summary.delegated}/{summary.nodes or '?'}"
    if summary.partitions is not None:
        text += f" in {summary.partitions}"
    return text


def self_test_text(summary: Summary) -> str:
    """Verdict of the self-test, and by how much it is missed."""
    if summary.verdict is None:
        return "not checked"
    text = summary.verdict
    if text != "identical" and summary.sqnr_db is not None:
        text += f", {summary.sqnr_db:.1f} dB"
    return text + ("" if summary.passed else " (FAILED)")


def heat_text(summary: Summary) -> str:
    """Thermal headroom from the coolest start to the hottest end."""
    texts = ["?" if x is None else f"{x:.2f}" for x in summary.headroom]
    known = summary.headroom != (None, None)
    parts = [" to ".join(texts) if known else "unknown"]
    if summary.throttled:
        parts.append("throttled")
    if summary.waited_s:
        parts.append(f"waited {summary.waited_s:.0f} s")
    return ", ".join(parts)


def run_text(summary: Summary) -> str:
    """How it was measured, in a few words."""
    parts = [
        f"{summary.runs} runs in {counted(summary.repeats, 'repeat')}",
        f"{summary.warmup_runs} to warm up",
        f"{summary.tool} ({summary.process}"
        + (f", {summary.build} build)" if summary.build else ")"),
    ]
    if summary.runtime:
        parts.append(summary.runtime)
    return ", ".join(parts)


def _one_place(number):
    return "unknown" if number is None else f"{number:.1f}"
