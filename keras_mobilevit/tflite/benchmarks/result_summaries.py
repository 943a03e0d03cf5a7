"""One line of figures a configuration, from the results of all its repeats."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

VERDICTS = ("identical", "within", "different")


@dataclasses.dataclass(frozen=True)
class Summary:
    """One file with one accelerator and number of threads, on one machine.

    Attributes:
        machine: Name of the machine.
        file: Name of the file.
        sha256: Its hash.
        size_bytes: Its size.
        accelerator: `"cpu"` or `"gpu"`.
        num_threads: Threads of the CPU; `None` if the tool chose them.
        tool: What measured.
        process: Kind of process.
        build: Build type of the app, or `None`.
        runtime: Such as `"LiteRT 2.3.2"`, or `None`.
        repeats: Number of results that are summarized.
        runs: Number of timed inferences in all of them.
        warmup_runs: Number of inferences in front of each that do not count.
        median_ms: Median over the inferences of all repeats.
        p5_ms: 5th percentile of the same.
        p95_ms: 95th percentile of the same.
        init_ms: Median over the repeats, or `None`.
        first_ms: Median over the repeats of the first inference, or `None`.
        memory_kb: Most that the memory grew in a repeat, or `None`.
        nodes: Operations of the graph, or `None`.
        delegated: Those that the accelerator executes, the fewest of all
            repeats, or `None` if one of them does not tell.
        partitions: Pieces that it executes them in, or `None`.
        verdict: Worst verdict of the self-tests, or `None`.
        passed: Whether all self-tests passed; `None` without any.
        sqnr_db: Lowest signal to noise of their outputs against what Python
            computed, in dB, or `None`.
        headroom: Lowest thermal headroom before a repeat and highest after
            one; `None` where unknown.
        throttled: Whether Android said that the device throttled.
        waited_s: Seconds of waiting for the device to cool down.
        warnings: Sentences, each once.
    """

    machine: str
    file: str
    sha256: str
    size_bytes: int
    accelerator: str
    num_threads: int | None
    tool: str
    process: str
    build: str | None
    runtime: str | None
    repeats: int
    runs: int
    warmup_runs: int
    median_ms: float
    p5_ms: float
    p95_ms: float
    init_ms: float | None
    first_ms: float | None
    memory_kb: float | None
    nodes: int | None
    delegated: int | None
    partitions: int | None
    verdict: str | None
    passed: bool | None
    sqnr_db: float | None
    headroom: tuple[float | None, float | None]
    throttled: bool
    waited_s: float
    warnings: tuple[str, ...]

    @property
    def options(self) -> str:
        """What it was run with, in a few words."""
        if self.num_threads is None:
            return self.accelerator
        plural = "" if self.num_threads == 1 else "s"
        return f"{self.accelerator}, {self.num_threads} thread{plural}"


def machine_name(machine: Mapping[str, Any]) -> str:
    """Name of a machine for tables: that of a phone, or of a processor.

    Args:
        machine: `machine` of a document of results.
    """
    if machine["kind"] == "host":
        name = re.sub(r"\((R|TM|tm)\)", "", machine["cpu"] or "")
        return " ".join(name.split()) or machine["system"]
    maker, model = (machine[key] or "" for key in ("manufacturer", "model"))
    # Some makers put their name into the model's.
    if not model.lower().startswith(maker.lower()):
        model = f"{maker} {model}"
    return model.strip() or "unknown phone"


def summarize_results(document: Mapping[str, Any]) -> list[Summary]:
    """Joins the repeats of each configuration.

    Args:
        document: Checked, from `keras_mobilevit.tflite.benchmarks.results`.

    Returns:
        One `Summary` a configuration, in the order of the first results.
    """
    groups: dict[tuple, list] = {}
    names = ("file", "sha256", "accelerator", "num_threads", "tool", "process")
    for result in document["results"]:
        key = tuple(result[name] for name in names)
        groups.setdefault(key, []).append(result)
    machine = machine_name(document["machine"])
    return [_summarize(machine, results) for results in groups.values()]


def _summarize(machine, results):
    first = results[0]
    p5, median, p95 = _spread(results)
    memory = [r["memory_metrics"] for r in results]
    tests = [r["self_test"] for r in results if r.get("self_test")]
    heat = [r["thermal"] for r in results if r.get("thermal")]
    coolest = _known(heat, "headroom_before")
    hottest = _known(heat, "headroom_after")
    warnings = (text for r in results for text in r.get("warnings", ()))
    counts = {
        name: [r.get(name) for r in results]
        for name in ("nodes", "delegated", "partitions")
    }
    return Summary(
        machine=machine,
        **{
            name: first.get(name)
            for name in (
                *("file", "sha256", "size_bytes", "accelerator"),
                *("num_threads", "tool", "process", "build", "runtime"),
            )
        },
        repeats=len(results),
        runs=sum(_runs(r) for r in results),
        warmup_runs=first["misc_metrics"].get("num_warmup_runs", 0),
        median_ms=median,
        p5_ms=p5,
        p95_ms=p95,
        init_ms=_median(results, "latency_metrics", "init_ms"),
        first_ms=_median(results, "latency_metrics", "first_inference_ms"),
        memory_kb=max(_known(memory, "overall_footprint_kb"), default=None),
        nodes=_if_known(counts["nodes"], min),
        delegated=_if_known(counts["delegated"], min),
        partitions=_if_known(counts["partitions"], max),
        verdict=max(
            (test["verdict"] for test in tests),
            key=VERDICTS.index,
            default=None,
        ),
        passed=all(test["passed"] for test in tests) if tests else None,
        sqnr_db=min(
            (
                output["sqnr_db"]
                for test in tests
                for output in test["outputs"].values()
                if "sqnr_db" in output
            ),
            default=None,
        ),
        headroom=(min(coolest, default=None), max(hottest, default=None)),
        throttled=any(
            (part.get(name) or 0) > 0
            for part in heat
            for name in ("status_before", "status_after")
        ),
        waited_s=sum(_known(heat, "waited_s")),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _spread(results):
    """Percentiles 5, 50, 95 over the inferences of all repeats.

    Of tools that do not tell single inferences, the widest range of the
    repeats and the median of their medians.
    """
    samples = [r.get("samples_ms") for r in results]
    if all(samples):
        joined = np.concatenate([np.array(s, np.float64) for s in samples])
        return np.percentile(joined, (5, 50, 95)).tolist()
    metrics = [r["latency_metrics"] for r in results]
    return (
        min(m["p5_ms"] for m in metrics),
        float(np.median([m["median_ms"] for m in metrics])),
        max(m["p95_ms"] for m in metrics),
    )


def _runs(result):
    return result["misc_metrics"].get(
        "num_runs", len(result.get("samples_ms", ()))
    )


def _median(results, group, name):
    values = _known([r[group] for r in results], name)
    return float(np.median(values)) if values else None


def _known(parts, name):
    return [part[name] for part in parts if part.get(name) is not None]


def _if_known(values, choose):
    return None if None in values else choose(values)
