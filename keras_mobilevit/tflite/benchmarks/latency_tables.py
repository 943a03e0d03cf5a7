"""Measurements as JSON, and as a table for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.tflite.benchmarks.benchmark import Measurement
from keras_mobilevit.tflite.benchmarks.fresh_start import REPEATS
from keras_mobilevit.tflite.benchmarks.results import SCHEMA_VERSION
from keras_mobilevit.tflite.interpreters import LITERT


def to_json(measurements: Sequence[Measurement], machine: dict) -> dict:
    """Returns all figures as a tree that JSON can hold.

    Its form is `benchmark_results.schema.json`. Each of `results` is a
    `BenchmarkResult` of TensorFlow's
    `tensorflow/lite/tools/benchmark/proto/benchmark_result.proto` by the
    names of its fields, so that protobuf's own JSON reader takes it if it may
    ignore unknown fields; what that message has no field for stands beside.

    Args:
        measurements: From `keras_mobilevit.tflite.benchmark`.
        machine: From `keras_mobilevit.machine.describe_machine`.
    """
    runtime = f"LiteRT {machine['versions'][LITERT]}"
    return {
        "schema_version": SCHEMA_VERSION,
        "machine": {"kind": "host", **machine},
        "results": [_result(item, runtime) for item in measurements],
    }


def _result(measurement, runtime):
    ms, start = measurement.ms, measurement.start
    p5, p95 = np.percentile(ms, (5, 95))
    latency = {
        "avg_ms": ms.mean(),
        "min_ms": ms.min(),
        "max_ms": ms.max(),
        "stddev_ms": ms.std(),
        "median_ms": np.median(ms),
        "p5_ms": p5,
        "p95_ms": p95,
        "init_ms": start.init_ms,
        "first_inference_ms": start.first_inference_ms,
    }
    if measurement.warmup_ms.size:
        latency["average_warm_up_ms"] = measurement.warmup_ms.mean()
    memory = {}
    if start.peak_mem_mb is not None:
        memory = {
            "init_footprint_kb": int(start.init_footprint_kb),
            "overall_footprint_kb": int(start.overall_footprint_kb),
            "peak_mem_mb": start.peak_mem_mb,
        }
    inspection, facts = measurement.inspection, measurement.facts
    return {
        "name": f"{measurement.name}, {measurement.num_threads} thread(s)",
        "latency_metrics": {key: float(x) for key, x in latency.items()},
        "memory_metrics": memory,
        "misc_metrics": {
            "model_size_mb": inspection.size / 1e6,
            "num_runs": ms.size,
            "num_warmup_runs": measurement.warmup_ms.size,
        },
        "file": measurement.name,
        "sha256": facts.sha256,
        "size_bytes": inspection.size,
        "num_threads": measurement.num_threads,
        "accelerator": "cpu",
        "tool": "python",
        "process": "python",
        "runtime": runtime,
        "build": None,
        "nodes": inspection.nodes,
        "delegated": inspection.delegated,
        "partitions": inspection.partitions,
        "speedup": dataclasses.asdict(measurement.speedup),
        "trimmed_mean_ms": _trimmed_mean(ms),
        "samples_ms": ms.tolist(),
        "warmup_ms": measurement.warmup_ms.tolist(),
        "thermal": None,
        "battery": None,
        "self_test": _self_test(facts.self_test),
        "model": _model(facts.info),
        "fidelity": dict(facts.info.fidelity) or None if facts.info else None,
        "repeat": 0,
        "warnings": [],
    }


def _trimmed_mean(ms):
    """Without the lowest and the highest tenth."""
    cut = ms.size // 10
    return float(np.sort(ms)[cut : ms.size - cut].mean())


def _self_test(result):
    if result is None:
        return None
    return {
        "verdict": result.verdict,
        "expected": result.expected,
        "passed": result.passed,
        "runtime": result.runtime,
        "outputs": {
            name: {
                "verdict": check.verdict,
                "sqnr_db": check.sqnr,
                "least_sqnr_db": check.least_sqnr,
                "covers": check.covers,
            }
            for name, check in result.outputs.items()
        },
    }


def _model(info):
    names = ("name", "variant", "task", "recipe")
    # A file may say anything; the format wants short lines.
    return info and {
        name: " ".join(getattr(info, name).split())[:1000] for name in names
    }


_COLUMNS = (
    *("file", "bytes", "XNNPACK nodes", "threads", "median ms (p5 - p95)"),
    *("speed-up (p5 - p95)", "init ms", "first ms", "memory MB"),
)


def to_table(measurements: Sequence[Measurement]) -> str:
    """Returns the figures as a Markdown table, a row a measurement.

    Args:
        measurements: From `keras_mobilevit.tflite.benchmark`.
    """
    return markdown_table(_COLUMNS, [_row(item) for item in measurements])


def _row(measurement):
    inspection, start = measurement.inspection, measurement.start
    p5, median, p95 = np.percentile(measurement.ms, (5, 50, 95))
    speedup, kilobytes = measurement.speedup, start.overall_footprint_kb
    return (
        measurement.name,
        f"{inspection.size:,}",
        f"{inspection.delegated}/{inspection.nodes} in {inspection.partitions}",
        str(measurement.num_threads),
        f"{median:.2f} ({p5:.2f} - {p95:.2f})",
        f"{speedup.ratio:.2f} ({speedup.p5:.2f} - {speedup.p95:.2f})",
        f"{start.init_ms:.1f}",
        f"{start.first_inference_ms:.1f}",
        "unknown" if kilobytes is None else f"{kilobytes / 1024:.1f}",
    )


def to_footnote(measurements: Sequence[Measurement], machine: dict) -> str:
    """Returns how and on what it was measured, in a few lines.

    Args:
        measurements: From `keras_mobilevit.tflite.benchmark`.
        machine: From `keras_mobilevit.machine.describe_machine`.
    """
    first = measurements[0]
    versions = ", ".join(
        f"{name} {version}" for name, version in machine["versions"].items()
    )
    load = machine["load_average"]
    return (
        f"{first.ms.size} interleaved runs after {first.warmup_ms.size} to "
        f"warm up, batch 1. Speed-up is over {first.name}: the ratio of the "
        "medians, and the spread of the ratios within a round. Init, first "
        "inference and memory (growth of the peak): a process of its own, "
        f"median of {REPEATS}.\n"
        f"{machine['cpu'] or 'unknown processor'}, {machine['cores']} cores, "
        f"load {'unknown' if load is None else format(load, '.2f')}, "
        f"{machine['system']}, Python {machine['python']}, {versions}\n"
        f"CPU flags: {' '.join(machine['cpu_flags']) or 'unknown'}"
    )
