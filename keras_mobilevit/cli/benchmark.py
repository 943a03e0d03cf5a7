"""Measures .tflite files against the first of them, here or on a phone.

Here, all files run in turn in one process. With --android they run on the
phone that adb reaches, by the app of tools/android, which is installed with
--apk, or by LiteRT's own tools.

Examples:
    keras-mobilevit benchmark float32.tflite int8.tflite -o result.json
    keras-mobilevit benchmark float32.tflite int8.tflite --android \\
        --apk app-release.apk --threads 1,4 -o phone.json --plot phone.svg
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from keras_mobilevit.cli.errors import UsageError

if TYPE_CHECKING:
    from keras_mobilevit.android import PhoneBenchmark, PhoneOptions

HELP = "measure the speed of .tflite files"

_RUNS, _WARMUP = 200, 20
# Options of a phone: destination -> the flag, for messages.
_PHONE_ONLY = {
    **{"apk": "--apk", "serial": "--serial", "accelerator": "--accelerator"},
    **{"android_tool": "--android-tool", "repeats": "--repeats"},
    **{"max_headroom": "--max-headroom", "cooldown": "--cooldown"},
    **{"ignore_heat": "--ignore-heat", "timeout": "--timeout"},
    **{"keep_files": "--keep-files", "taskset": "--taskset"},
    **{"benchmark_model": "--benchmark-model"},
}
_PROGRAM_ONLY = ("benchmark_model", "taskset")
_APP_ONLY = ("apk", "max_headroom", "cooldown", "ignore_heat")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE.tflite")
    parser.add_argument(
        "--runs",
        type=int,
        metavar="N",
        help="timed inferences of each file; on a phone, in all repeats "
        f"together (default: {_RUNS})",
    )
    parser.add_argument(
        "--warmup",
        type=int,
        metavar="N",
        help=f"inferences before that do not count (default: {_WARMUP})",
    )
    parser.add_argument(
        "--threads",
        type=_numbers,
        nargs="+",
        metavar="N",
        help="numbers of threads, as 1,2 or 1 2 (default: 1,2; on a phone, the "
        "number of its big cores)",
    )
    parser.add_argument(
        *("--json", "-o", "--output"),
        dest="json",
        metavar="FILE.json",
        help="write all figures, named as in TensorFlow's "
        "benchmark_result.proto",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE.svg",
        help="draw medians and percentiles; needs Matplotlib",
    )
    phone = parser.add_argument_group("on a phone")
    phone.add_argument(
        "--android", action="store_true", help="measure on a phone, by adb"
    )
    phone.add_argument(
        "--apk",
        metavar="FILE.apk",
        help="install this app, or update it (default: the one that was built "
        "in this checkout, or the one on the phone)",
    )
    phone.add_argument(
        "--serial", metavar="S", help="which phone (see `adb devices`)"
    )
    phone.add_argument(
        "--accelerator",
        type=_words,
        nargs="+",
        metavar="NAME",
        help="cpu, gpu or cpu,gpu (default: cpu)",
    )
    phone.add_argument(
        "--android-tool",
        choices=("app", "benchmark_model", "litert"),
        help="app: in the foreground, with self-test and heat; "
        "benchmark_model: LiteRT's program, from the shell; litert: `litert "
        "benchmark --android` (default: app)",
    )
    phone.add_argument(
        "--repeats",
        type=int,
        metavar="N",
        help="measure everything N times in turn (default: 3)",
    )
    phone.add_argument(
        "--max-headroom",
        type=float,
        metavar="X",
        help="wait until the thermal headroom is below X; 0 is cool, 1 "
        "throttles severely (default: 0.8)",
    )
    phone.add_argument(
        "--cooldown",
        type=int,
        metavar="S",
        help="a configuration fails if the phone stays hotter for S seconds "
        "(default: 120)",
    )
    phone.add_argument(
        "--ignore-heat",
        action="store_true",
        default=None,
        help="do not wait; the results tell the heat all the same",
    )
    phone.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        help="give a run up after S seconds without a word, as benchmark_model "
        "is while it measures (default: 180)",
    )
    phone.add_argument(
        "--keep-files",
        action="store_true",
        default=None,
        help="leave the files on the phone, where the app lists them",
    )
    phone.add_argument(
        "--benchmark-model",
        metavar="FILE",
        help="LiteRT's program benchmark_model for Android",
    )
    phone.add_argument(
        "--taskset",
        metavar="MASK",
        help="run benchmark_model on these cores, such as f0",
    )


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers as 1,2. Received: {text!r}"
        ) from None


def _words(text: str) -> list[str]:
    words = text.split(",")
    for word in words:
        if word not in ("cpu", "gpu"):
            raise argparse.ArgumentTypeError(
                f"expected cpu, gpu or cpu,gpu. Received: {text!r}"
            )
    return words


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.atomic_files import require_writable

    if arguments.plot:
        if not arguments.plot.endswith(".svg"):
            raise UsageError("--plot must end in .svg")
        from keras_mobilevit.optional_imports import import_optional

        # Before minutes of work.
        import_optional("matplotlib", extra="report")
    if not arguments.android:
        for name, flag in _PHONE_ONLY.items():
            if getattr(arguments, name) is not None:
                raise UsageError(f"{flag} needs --android")
    options = _phone_options(arguments) if arguments.android else None
    for path in (arguments.json, arguments.plot):
        if path:
            require_writable(path)
    if options is not None:
        return _run_on_phone(arguments, options)
    return _run_here(arguments)


def _run_here(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.machine import describe_machine
    from keras_mobilevit.tflite import benchmark
    from keras_mobilevit.tflite.benchmarks.latency_tables import (
        to_footnote,
        to_json,
        to_table,
    )

    # Before the benchmark is itself the load.
    machine = describe_machine()
    measurements = benchmark(
        {path: path for path in arguments.files},
        threads=_joined(arguments.threads) or [1, 2],
        runs=_RUNS if arguments.runs is None else arguments.runs,
        warmup=_WARMUP if arguments.warmup is None else arguments.warmup,
    )
    try:
        _write(arguments, to_json(measurements, machine))
    finally:
        print(to_table(measurements))
        print("\n" + to_footnote(measurements, machine))
    return 0


def _run_on_phone(arguments: argparse.Namespace, options: PhoneOptions) -> int:
    from keras_mobilevit.android import benchmark_on_phone

    latest: list[PhoneBenchmark] = []
    try:
        latest.append(
            benchmark_on_phone(
                arguments.files, options, on_result=latest.append
            )
        )
    except BaseException:
        # Whatever ended it, what was measured is not lost.
        if latest:
            try:
                _tell(arguments, latest[-1])
            except OSError as error:
                # What ended it says more.
                print(f"error: {error}", file=sys.stderr)
        raise
    _tell(arguments, latest[-1])
    return 1 if latest[-1].failures else 0


def _phone_options(arguments):
    import pathlib

    from keras_mobilevit.android import PhoneOptions

    tool = arguments.android_tool or "app"
    for names, needed in (
        (_PROGRAM_ONLY, "benchmark_model"),
        (_APP_ONLY, "app"),
    ):
        for name in names:
            if getattr(arguments, name) is not None and tool != needed:
                raise UsageError(
                    f"{_PHONE_ONLY[name]} needs --android-tool {needed}"
                )
    for name in ("threads", "runs", "warmup"):
        if tool == "litert" and getattr(arguments, name) is not None:
            raise UsageError(f"litert chooses this itself: leave --{name} out")
    if arguments.ignore_heat and arguments.max_headroom is not None:
        raise UsageError("--ignore-heat and --max-headroom exclude each other")
    given = {
        "tool": tool,
        "serial": arguments.serial,
        "apk": arguments.apk and pathlib.Path(arguments.apk),
        "program": arguments.benchmark_model
        and pathlib.Path(arguments.benchmark_model),
        "taskset": arguments.taskset,
        "accelerators": tuple(_joined(arguments.accelerator)),
        "threads": tuple(_joined(arguments.threads)),
        "runs": arguments.runs,
        "warmup": arguments.warmup,
        "repeats": arguments.repeats,
        "max_headroom": arguments.max_headroom,
        "cooldown": arguments.cooldown,
        "timeout": arguments.timeout,
        "keep_files": arguments.keep_files,
    }
    given = {name: x for name, x in given.items() if x is not None and x != ()}
    if arguments.ignore_heat:
        given["max_headroom"] = None
    return PhoneOptions(**given)


def _tell(arguments, benchmark):
    from keras_mobilevit.tflite.benchmarks.result_summaries import (
        summarize_results,
    )
    from keras_mobilevit.tflite.benchmarks.result_tables import (
        to_result_footnote,
        to_result_table,
    )

    document = benchmark.document
    try:
        _write(arguments, document)
    finally:
        summaries = summarize_results(document)
        print(to_result_table(summaries, benchmark.base))
        print("\n" + to_result_footnote(summaries, document["machine"]))
        for name, failure in benchmark.failures.items():
            print(f"error: {name}: {failure}", file=sys.stderr)


def _write(arguments, document):
    from keras_mobilevit.atomic_files import atomic_write

    if arguments.json:
        text = json.dumps(document, indent=2, allow_nan=False)
        atomic_write(arguments.json, text.encode())
    if arguments.plot:
        from keras_mobilevit.tflite.benchmarks.latency_plot import latency_plot
        from keras_mobilevit.tflite.benchmarks.result_summaries import (
            summarize_results,
        )

        svg = latency_plot(summarize_results(document))
        atomic_write(arguments.plot, svg.encode())


def _joined(lists):
    return [item for part in lists or () for item in part]
