"""Measures files on a phone: prepares it, runs everything, cleans up."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from keras_mobilevit.android.adb import Adb
from keras_mobilevit.android.app_tool import AppTool
from keras_mobilevit.android.benchmark_model import BenchmarkModelTool
from keras_mobilevit.android.cleanup import Cleanup, ending_signals_raise
from keras_mobilevit.android.configurations import (
    ACCELERATORS,
    interleave,
    list_configurations,
)
from keras_mobilevit.android.devices import choose_device, list_devices
from keras_mobilevit.android.errors import RunFailedError
from keras_mobilevit.android.litert_tool import LitertTool
from keras_mobilevit.android.model_files import open_model_file, push_files
from keras_mobilevit.android.phone_tool import PhoneTool
from keras_mobilevit.android.processes import SilenceError
from keras_mobilevit.android.screen import keep_screen_on
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.progress import progress_bar, write_line
from keras_mobilevit.text_formatting import counted

TOOLS = ("app", "benchmark_model", "litert")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhoneOptions:
    """How to measure on a phone.

    Attributes:
        tool: `"app"`, `"benchmark_model"` or `"litert"`.
        serial: Serial number of the phone; `None` for that of the environment
            variable `ANDROID_SERIAL`, or the only one.
        apk: The app to install or update; `None` for the one that was built
            in this checkout, or that is on the phone.
        program: `benchmark_model` for Android, for that tool.
        taskset: Mask of the cores that it runs on, such as `"f0"`.
        accelerators: `"cpu"`, `"gpu"` or both.
        threads: Numbers of threads on the CPU; `None` stands for as many as
            there are big cores.
        runs: Timed inferences of a configuration, in all repeats together.
        warmup: Inferences in front of each repeat that do not count.
        repeats: How often all configurations are measured in turn.
        max_headroom: Thermal headroom below which the app measures, from 0
            (cool) to 1 (severe throttling); `None` to never wait.
        cooldown: Seconds of waiting after which a configuration fails.
        timeout: Seconds of silence after which a run counts as stuck.
        keep_files: Leave the files on the phone.
        adb: Name or path of the program adb.

    Raises:
        ValueError: If a value is out of range.

    Example:
        >>> from keras_mobilevit.android import PhoneOptions
        >>> PhoneOptions(threads=(1, 4)).accelerators
        ('cpu',)
    """

    tool: str = "app"
    serial: str | None = None
    apk: pathlib.Path | None = None
    program: pathlib.Path | None = None
    taskset: str | None = None
    accelerators: tuple[str, ...] = ("cpu",)
    threads: tuple[int | None, ...] = (None,)
    runs: int = 200
    warmup: int = 20
    repeats: int = 3
    max_headroom: float | None = 0.8
    cooldown: int = 120
    timeout: float = 180.0
    keep_files: bool = False
    adb: str = "adb"

    def __post_init__(self) -> None:
        if self.tool not in TOOLS:
            raise ValueError(
                f"`tool` must be one of {TOOLS}. Received: {self.tool!r}"
            )
        if not self.accelerators or not set(self.accelerators) <= {
            *ACCELERATORS
        }:
            raise ValueError(
                f"`accelerators` must be some of {ACCELERATORS}. Received: "
                f"{self.accelerators}"
            )
        if not self.threads or any(
            n is not None and not 1 <= n <= 64 for n in self.threads
        ):
            raise ValueError(
                "`threads` must be numbers from 1 to 64. Received: "
                f"{self.threads}"
            )
        if not (1 <= self.repeats <= self.runs and self.warmup >= 0):
            raise ValueError(
                "Expected 1 <= repeats <= runs and warmup >= 0. Received: "
                f"repeats={self.repeats}, runs={self.runs}, "
                f"warmup={self.warmup}"
            )
        if self.max_headroom is not None and not 0 < self.max_headroom <= 2:
            raise ValueError(
                "`max_headroom` must be above 0 and at most 2. Received: "
                f"{self.max_headroom}"
            )
        if self.cooldown < 0 or not self.timeout > 0:
            raise ValueError(
                "Expected cooldown >= 0 and timeout > 0. Received: "
                f"cooldown={self.cooldown}, timeout={self.timeout}"
            )
        if self.tool == "benchmark_model" and self.program is None:
            raise ValueError(
                "The tool benchmark_model needs the program for Android: "
                "download it (https://ai.google.dev/edge/litert/models/"
                "measurement) and pass it with --benchmark-model."
            )
        if self.taskset and not re.fullmatch(r"[0-9a-fA-F]+", self.taskset):
            raise ValueError(
                "`taskset` must be a hexadecimal mask of cores, such as f0. "
                f"Received: {self.taskset!r}"
            )


@dataclasses.dataclass(frozen=True)
class PhoneBenchmark:
    """What was measured.

    Attributes:
        document: The results, one for each repeat of a configuration, in the
            form of `tflite/benchmarks/benchmark_results.schema.json`.
        failures: Name of a configuration that could not be measured -> why.
        base: SHA-256 of the first file, which others are compared with.

    Example:
        >>> from keras_mobilevit.android import PhoneBenchmark
        >>> PhoneBenchmark({}, {"a.tflite, gpu": "no GPU"}).failures
        {'a.tflite, gpu': 'no GPU'}
    """

    document: dict[str, Any]
    failures: dict[str, str]
    base: str = ""


def benchmark_on_phone(
    files: Sequence[str | os.PathLike],
    options: PhoneOptions | None = None,
    *,
    on_result: Callable[[PhoneBenchmark], None] | None = None,
) -> PhoneBenchmark:
    """Measures `.tflite` files on a phone that adb reaches.

    Whatever ends it, also Ctrl-C, SIGTERM and an unplugged cable, the phone
    is left as it was found, if it can still be reached. The app stays.

    Args:
        files: The files. The first is what others are compared with.
        options: How to measure.
        on_result: Called with all results so far after each run, which are
            lost otherwise if an error or a signal ends the function.

    Returns:
        The results of all configurations that could be measured.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If one is no `.tflite` file.
        AndroidError: If nothing could be measured, or the phone can no
            longer be reached.
        ImportError: If the extra `runtime` is not installed.

    Warns:
        UserWarning: Of what remains on the phone.

    Example:
        >>> from keras_mobilevit import android
        >>> options = android.PhoneOptions(adb="no-adb-here")
        >>> try:
        ...     android.benchmark_on_phone(["model.tflite"], options)
        ... except android.AndroidError as error:
        ...     print(str(error)[:39])
        There is no program 'no-adb-here' on PA
    """
    options = options or PhoneOptions()
    if options.tool == "app":
        # Checks the results, and is missed before they are measured.
        import_optional("jsonschema", extra="runtime")
    models = [open_model_file(path) for path in files]
    if not models:
        raise ValueError("Expected at least one file. Received: none")
    adb = Adb(options.adb)
    serial = options.serial or os.environ.get("ANDROID_SERIAL") or None
    adb.serial = choose_device(list_devices(adb), serial).serial
    configurations = list_configurations(
        models, options.accelerators, options.threads
    )
    plan = interleave(
        configurations, options.repeats, options.runs, options.warmup
    )
    order = [str(configuration) for configuration in configurations]
    with ending_signals_raise(), Cleanup() as cleanup:
        bar = progress_bar(desc="measuring", total=len(plan))
        with bar:
            tool = _make_tool(adb, options, bar)
            keep_screen_on(adb, cleanup)
            tool.prepare(cleanup)
            if tool.pushes_files:
                push_files(
                    adb,
                    [(m.path, m.remote, m.sha256) for m in models],
                    None if options.keep_files else cleanup,
                )
            empty = PhoneBenchmark({}, {}, models[0].sha256)
            return _run_all(
                adb, tool, plan, order, bar, options, on_result, empty
            )


def _make_tool(adb, options, bar) -> PhoneTool:
    if options.tool == "benchmark_model":
        return BenchmarkModelTool(
            adb,
            options.program,
            taskset=options.taskset,
            silence=options.timeout,
        )
    if options.tool == "litert":
        return LitertTool(adb, silence=options.timeout)
    return AppTool(
        adb,
        options.apk,
        max_headroom=options.max_headroom,
        cooldown=options.cooldown,
        silence=options.timeout,
        on_progress=lambda text: bar.set_postfix({"inference": text}),
        on_waiting=_tell_waiting(bar),
    )


def _tell_waiting(bar):
    """A line when a run begins to wait; what comes every 2 s is its state."""
    told = None

    def tell(text):
        nonlocal told
        # The bar counts runs.
        if told != bar.n:
            told = bar.n
            write_line(bar, f"waiting for the phone to cool down: {text}")
        bar.set_postfix({"waiting": text})

    return tell


def _run_all(adb, tool, plan, order, bar, options, on_result, benchmark):
    for run in plan:
        name = str(run.configuration)
        # It would fail again, after as long a wait.
        if name not in benchmark.failures:
            try:
                document = tool.measure(run)
            except SilenceError:
                failure = (
                    f"There was no word of it for {options.timeout:g} s: "
                    "unlock the phone and look at its screen, or wait longer "
                    "with --timeout."
                )
            except RunFailedError as error:
                failure = str(error)
            else:
                failure = None
                benchmark = _add(benchmark, document, order)
            if failure is not None:
                # Raises if that is why.
                adb.require_device()
                failures = {**benchmark.failures, name: failure}
                benchmark = dataclasses.replace(benchmark, failures=failures)
            # What fails before anything was measured ends in an error.
            if on_result is not None and benchmark.document:
                on_result(benchmark)
        bar.update()
    if not benchmark.document:
        ((name, failure), *others) = benchmark.failures.items()
        count = counted(len(others), "other")
        more = f" ({count} failed too)" if others else ""
        raise RunFailedError(f"{name}: {failure}{more}")
    return benchmark


def _add(benchmark, document, order):
    """Adds a result where a reader looks for it, whenever it was measured."""
    machine = benchmark.document.get("machine", document["machine"])
    results = benchmark.document.get("results", []) + document["results"]
    results.sort(key=lambda r: (order.index(r["name"]), r["repeat"]))
    document = {**document, "machine": machine, "results": results}
    return dataclasses.replace(benchmark, document=document)
