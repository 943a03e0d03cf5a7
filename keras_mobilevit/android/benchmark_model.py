"""Measures with LiteRT's `benchmark_model`, and reads what it prints."""

from __future__ import annotations

import hashlib
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from keras_mobilevit.android.adb import Adb
from keras_mobilevit.android.cleanup import Cleanup
from keras_mobilevit.android.configurations import Configuration, Run
from keras_mobilevit.android.errors import AndroidError, RunFailedError
from keras_mobilevit.android.model_files import FOLDER, push_files
from keras_mobilevit.android.phone_facts import count_big_cores, describe_phone
from keras_mobilevit.android.processes import SilenceError
from keras_mobilevit.tflite.benchmarks.results import SCHEMA_VERSION

_NUMBER = r"([-+.\de]+)"
# Statistics of the inferences in microseconds; the warm-up has such a line too.
_STATISTICS = re.compile(r"\bcount=\d+ .*\bavg=")
_TIMINGS = re.compile(
    rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}, "
    rf"Warmup \(avg\): {_NUMBER}, Inference \(avg\): {_NUMBER}"
)
_MEMORY = re.compile(
    rf"emory footprint delta.* init={_NUMBER} overall={_NUMBER}"
)
_PEAK = re.compile(rf"peak memory footprint \(MB\).*: {_NUMBER}")
_REPLACED = re.compile(
    r"Replacing (\d+) out of (\d+) node\(s\) with delegate \(([^)]*)\)"
    r" node, yielding (\d+) partitions"
)
_KERNELS = re.compile(
    r"Explicitly applied (\w+) delegate.* w/ (\d+) delegate kernels"
    r"|Created (\d+) (GPU) delegate kernels"
)


class BenchmarkModelTool:
    """The program `benchmark_model`, started by the phone's shell."""

    pushes_files = True

    def __init__(
        self,
        adb: Adb,
        program: pathlib.Path,
        *,
        taskset: str | None,
        silence: float,
    ):
        """Looks at the program.

        Args:
            adb: The phone.
            program: `benchmark_model` for Android.
            taskset: Mask of cores to run on, hexadecimal; `None` for all.
            silence: Seconds without a word after which it is stuck.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no program for Android.
        """
        if not program.is_file():
            raise FileNotFoundError(f"There is no program at {program}.")
        data = program.read_bytes()
        if not data.startswith(b"\x7fELF"):
            raise ValueError(
                f"{program} is no program for Android: expected an ELF file. "
                f"Received: {data[:4]!r}"
            )
        self._adb, self._program = adb, program
        self._sha256 = hashlib.sha256(data).hexdigest()
        self._remote = f"{FOLDER}/{self._sha256}.benchmark_model"
        self._taskset, self._silence = taskset, silence
        self._machine: dict[str, Any] = {}

    def prepare(self, cleanup: Cleanup) -> None:
        """As `PhoneTool.prepare`."""
        self._machine = describe_phone(self._adb)
        push_files(
            self._adb, [(self._program, self._remote, self._sha256)], cleanup
        )
        cleanup.add("benchmark_model may still run", self._stop)

    def measure(self, run: Run) -> dict[str, Any]:
        """As `PhoneTool.measure`."""
        configuration = run.configuration
        threads = configuration.threads
        if threads is None:
            threads = count_big_cores(self._machine["max_frequencies_khz"])
        command = [
            *(("taskset", self._taskset) if self._taskset else ()),
            self._remote,
            f"--graph={configuration.file.remote}",
            f"--num_threads={threads}",
            # Runs exactly as often: 150 s end it otherwise.
            *(f"--num_runs={run.runs}", "--min_secs=0", "--max_secs=3600"),
            *(f"--warmup_runs={max(run.warmup, 1)}", "--warmup_min_secs=0"),
        ]
        if configuration.accelerator == "gpu":
            command.append("--use_gpu=true")
        try:
            with self._adb.stream(" ".join(command), self._silence) as lines:
                result = parse_output(lines)
        except SilenceError:
            # It would disturb what is measured next.
            self._stop()
            raise
        warnings = result.pop("warnings")
        if self._taskset:
            warnings.append(f"On the cores of the mask {self._taskset}.")
        return to_document(
            self._machine,
            run,
            {**result, "num_threads": threads},
            tool="benchmark_model",
            warnings=warnings,
        )

    def _stop(self):
        """Ends it where the end of adb did not."""
        # The pattern does not match the shell that has it as an argument.
        self._adb.shell(f"pkill -f '{self._sha256}[.]benchmark_model'; true")


def to_document(
    machine: dict[str, Any],
    run: Run,
    result: dict[str, Any],
    *,
    tool: str,
    warnings: list[str],
) -> dict[str, Any]:
    """Completes what was parsed.

    Args:
        machine: From `keras_mobilevit.android.phone_facts.describe_phone`.
        run: What was measured.
        result: From `parse_output`, with `num_threads`.
        tool: Name of the tool.
        warnings: Sentences for the reader.

    Returns:
        A document of results.
    """
    configuration = run.configuration
    parts = dict(result)
    replaced, kernels = parts.pop("replaced"), parts.pop("kernels")
    misc = {
        "model_size_mb": configuration.file.size / 1e6,
        **parts.pop("misc_metrics"),
    }
    delegation = _delegation(replaced, kernels, configuration)
    if delegation["delegated"] == 0:
        warnings = [
            *warnings,
            f"No operation ran on the accelerator {configuration.accelerator} "
            "that was asked for.",
        ]
    return {
        "schema_version": SCHEMA_VERSION,
        "machine": machine,
        "results": [
            {
                "name": str(configuration),
                **parts,
                "misc_metrics": misc,
                "file": configuration.file.name,
                "sha256": configuration.file.sha256,
                "size_bytes": configuration.file.size,
                "accelerator": configuration.accelerator,
                "tool": tool,
                "process": "shell",
                "runtime": None,
                "build": None,
                **delegation,
                "speedup": None,
                "thermal": None,
                "battery": None,
                "self_test": None,
                "repeat": run.repeat,
                "warnings": warnings,
            }
        ],
    }


def parse_output(lines: Iterable[str]) -> dict[str, Any]:
    """Reads what `benchmark_model` prints.

    Args:
        lines: Its standard output and standard error.

    Returns:
        The metrics of a result, `warnings`, and what it said of delegates:
        under `replaced` name, operations taken, all operations, and parts of
        the graph with those that are left; under `kernels` name and number
        of the parts that are delegated.

    Raises:
        RunFailedError: If it failed.
        AndroidError: If it is too old to print percentiles.
    """
    statistics: dict[str, float] = {}
    warmup_runs = 0
    timings, memory, peak = None, None, None
    replaced: list[tuple[str, int, int, int]] = []
    kernels: list[tuple[str, int]] = []
    last, complaint = "no output", None
    for line in lines:
        if _STATISTICS.search(line) or re.search(r"\bcount=1 curr=", line):
            warmup_runs = int(statistics.get("count", 0))
            statistics = _statistics(line)
        elif match := _TIMINGS.search(line):
            timings = [float(text) / 1000 for text in match.groups()]
        elif match := _MEMORY.search(line):
            memory = [float(text) for text in match.groups()]
        elif match := _PEAK.search(line):
            peak = float(match[1])
        elif match := _REPLACED.search(line):
            taken, nodes, name, partitions = match.groups()
            replaced.append((name, int(taken), int(nodes), int(partitions)))
        elif match := _KERNELS.search(line):
            kernels.append((match[1] or match[4], int(match[2] or match[3])))
        if line.strip():
            last = line.strip()
            if complaint is None and re.match(r"ERROR|F\d{4}|\S*: not ", last):
                complaint = last
    if timings is None or not statistics:
        raise RunFailedError(
            f"benchmark_model failed: {(complaint or last)[:300]}"
        )
    init, first, warmup, mean = timings
    if "median" not in statistics and statistics["count"] > 1:
        raise AndroidError(
            "This benchmark_model is too old, it prints no median: take a "
            "current one (https://ai.google.dev/edge/litert/models/"
            "measurement)."
        )
    only = statistics.get("curr", mean)
    return {
        "latency_metrics": {
            "avg_ms": mean,
            "min_ms": statistics.get("min", only),
            "max_ms": statistics.get("max", only),
            "stddev_ms": statistics.get("std", 0.0),
            "median_ms": statistics.get("median", only),
            "p5_ms": statistics.get("p5", only),
            "p95_ms": statistics.get("p95", only),
            "init_ms": init,
            "first_inference_ms": first,
            "average_warm_up_ms": warmup,
        },
        "memory_metrics": _memory(memory, peak),
        "misc_metrics": {
            "num_runs": int(statistics["count"]),
            "num_warmup_runs": warmup_runs,
        },
        "replaced": replaced,
        "kernels": kernels,
        "warnings": [],
    }


def _statistics(line):
    """`count` and times in ms."""
    values = {
        name: float(text)
        for name, text in re.findall(rf"\b(\w+)={_NUMBER}", line)
    }
    return {
        name: value if name == "count" else value / 1000
        for name, value in values.items()
    }


def _memory(delta, peak):
    metrics = {}
    if delta is not None:
        names = ("init_footprint_kb", "overall_footprint_kb")
        metrics = {
            name: round(megabytes * 1024)
            for name, megabytes in zip(names, delta, strict=True)
        }
    if peak is not None:
        metrics["peak_mem_mb"] = peak
    return metrics


def _delegation(replaced, kernels, configuration: Configuration):
    """What the accelerator that was asked for took of the graph."""

    def is_meant(name):
        return ("xnnpack" in name.lower()) == (
            configuration.accelerator == "cpu"
        )

    if not replaced:
        return dict.fromkeys(("nodes", "delegated", "partitions"))
    # Delegates that come later see what the first ones left.
    nodes = replaced[0][2]
    for name, taken, seen, parts in replaced:
        if taken and is_meant(name):
            # TensorFlow's partitions are also what is left between kernels.
            whole = parts if taken == seen else None
            counts = (count for other, count in kernels if is_meant(other))
            return {
                "nodes": nodes,
                "delegated": taken,
                "partitions": next(counts, whole),
            }
    return {"nodes": nodes, "delegated": 0, "partitions": 0}
