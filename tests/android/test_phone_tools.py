"""What adb's neighbours print, and in which order they are asked."""

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections import Counter

import fake_adb
import jsonschema
import pytest
from fake_phone import PROGRAM_RUN, TRANSCRIPTS

from keras_mobilevit.android.benchmark_model import (
    parse_output,
    to_document,
)
from keras_mobilevit.android.cleanup import Cleanup
from keras_mobilevit.android.configurations import (
    Configuration,
    Run,
    interleave,
    list_configurations,
)
from keras_mobilevit.android.errors import AndroidError, RunFailedError
from keras_mobilevit.android.instrumentation import (
    collect_result,
    read_reports,
)
from keras_mobilevit.android.model_files import FOLDER, ModelFile
from keras_mobilevit.android.phone_facts import count_big_cores, describe_phone
from keras_mobilevit.android.processes import ProgramOutput, SilenceError
from keras_mobilevit.android.remote_hashes import HASH_PROGRAM, read_hashes
from keras_mobilevit.android.screen import keep_screen_on
from keras_mobilevit.tflite.benchmarks.results import load_schema

# === am instrument ===


def test_reports_of_the_documented_form():
    """With values of several lines, as stack traces are."""
    reports = list(
        read_reports(
            [
                "INSTRUMENTATION_STATUS: progress=3/4",
                "INSTRUMENTATION_STATUS: stack=first",
                "\tat second",
                "INSTRUMENTATION_STATUS_CODE: 2",
                "INSTRUMENTATION_RESULT: a=b=c",
                "INSTRUMENTATION_CODE: -1",
            ]
        )
    )
    status, end = reports
    assert status.values == {"progress": "3/4", "stack": "first\n\tat second"}
    assert (status.code, status.last) == (2, False)
    assert (end.values, end.code, end.last) == ({"a": "b=c"}, -1, True)


def send(data, size):
    """What the app prints for a result, in pieces of a size."""
    text = base64.b64encode(data).decode()
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    for index, chunk in enumerate(chunks):
        yield f"INSTRUMENTATION_STATUS: chunk={chunk}"
        yield f"INSTRUMENTATION_STATUS: index={index}"
        yield "INSTRUMENTATION_STATUS_CODE: 1"
    yield f"INSTRUMENTATION_RESULT: bytes={len(data)}"
    yield f"INSTRUMENTATION_RESULT: chunks={len(chunks)}"
    yield f"INSTRUMENTATION_RESULT: sha256={hashlib.sha256(data).hexdigest()}"
    yield "INSTRUMENTATION_CODE: -1"


def collect(lines):
    return collect_result(lines, lambda text: None, lambda text: None)


def test_a_result_of_300_kb_arrives():
    data = bytes(range(256)) * 1200
    lines = list(send(data, 32_768))
    assert sum("chunk=" in line for line in lines) == 13
    assert collect(lines) == data


def test_pieces_in_another_order():
    lines = list(send(b"0123456789", 4))
    first, rest = lines[:3], lines[3:]
    assert collect([*rest[:3], *first, *rest[3:]]) == b"0123456789"


def test_progress_and_waiting_are_told():
    told = []
    lines = [
        "INSTRUMENTATION_STATUS: progress=1/2",
        "INSTRUMENTATION_STATUS_CODE: 2",
        "INSTRUMENTATION_STATUS: waiting=headroom 0.93, limit 0.80",
        "INSTRUMENTATION_STATUS_CODE: 2",
        *send(b"x", 4),
    ]
    collect_result(lines, told.append, told.append)
    assert told == ["1/2", "headroom 0.93, limit 0.80"]


@pytest.mark.parametrize(
    ("key", "value"), [("chunks", "-1"), ("chunks", "x"), ("sha256", "00")]
)
def test_an_end_that_does_not_fit(key, value):
    lines = [
        f"INSTRUMENTATION_RESULT: {key}={value}"
        if line.startswith(f"INSTRUMENTATION_RESULT: {key}=")
        else line
        for line in send(b"0123456789", 4)
    ]
    with pytest.raises(RunFailedError, match="damaged on its way"):
        collect(lines)


# === benchmark_model ===

# As its README shows it, without percentiles, which old ones did not print.
OLD = """\
INFO: count=50 first=79449 curr=81350 min=77385 max=88213 avg=79732 std=1929

INFO: Inference timings in us: Init: 10285, First inference: 83000, \
Warmup (avg): 79449, Inference (avg): 79732
""".splitlines()
# As public logs have it.
NEW = """\
INFO: count=1 curr=1357602 p5=1357602 median=1357602 p95=1357602

INFO: count=50 first=1249964 curr=1240143 min=1238588 max=1252566 \
avg=1.24027e+06 std=2565 p5=1238753 median=1239807 p95=1247415

INFO: Inference timings in us: Init: 5579, First inference: 1357602, \
Warmup (avg): 1.3576e+06, Inference (avg): 1.24027e+06
INFO: Memory footprint delta from the start of the tool (MB): init=6.36328 \
overall=109.832
INFO: Overall peak memory footprint (MB) via periodic monitoring: 121.5
""".splitlines()


def test_figures_are_in_ms_and_kib():
    result = parse_output(NEW)
    assert result["latency_metrics"] == {
        "avg_ms": 1240.27,
        "min_ms": 1238.588,
        "max_ms": 1252.566,
        "stddev_ms": 2.565,
        "median_ms": 1239.807,
        "p5_ms": 1238.753,
        "p95_ms": 1247.415,
        "init_ms": 5.579,
        "first_inference_ms": 1357.602,
        "average_warm_up_ms": 1357.6,
    }
    assert result["memory_metrics"] == {
        "init_footprint_kb": 6516,
        "overall_footprint_kb": 112468,
        "peak_mem_mb": 121.5,
    }
    assert result["misc_metrics"] == {"num_runs": 50, "num_warmup_runs": 1}


REPLACED = (
    "VERBOSE: Replacing 280 out of {} node(s) with delegate ({}) node, "
    "yielding {} partitions for subgraph 0."
)
# As TensorFlow's GPU delegate and its benchmark tool say it.
APPLIED = (
    "INFO: Explicitly applied GPU delegate, and the model graph will be "
    "partially executed by the delegate w/ 3 delegate kernels."
)
CREATED = "INFO: Created 3 GPU delegate kernels."
GPU, CPU = "TfLiteGpuDelegateV2", "TfLiteXNNPackDelegate"


@pytest.mark.parametrize(
    ("accelerator", "lines", "pieces"),
    [
        # With what is left between them: seven, of which three are delegated.
        ("gpu", [REPLACED.format(300, GPU, 7), APPLIED], 3),
        ("gpu", [CREATED, REPLACED.format(300, GPU, 7)], 3),
        ("gpu", [REPLACED.format(300, GPU, 7)], None),
        ("cpu", [REPLACED.format(300, CPU, 7)], None),
        ("cpu", [REPLACED.format(280, CPU, 1)], 1),
        (
            "gpu",
            [
                *(REPLACED.format(300, GPU, 7), APPLIED),
                REPLACED.format(280, CPU, 1),
            ],
            3,
        ),
    ],
)
def test_partitions_are_those_of_the_delegate(accelerator, lines, pieces):
    run = Run(Configuration(FILES[0], accelerator, 4), 0, 50, 1)
    result = parse_output([*lines, *NEW])
    document = to_document(
        {}, run, {**result, "num_threads": 4}, tool="x", warnings=[]
    )
    (result,) = document["results"]
    assert (result["delegated"], result["partitions"]) == (280, pieces)


def test_an_old_program_is_refused():
    with pytest.raises(AndroidError, match="too old, it prints no median"):
        parse_output(OLD)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "no output"),
        (
            ["INFO: STARTING!", "ERROR: Failed to load model x.", "INFO: end"],
            "ERROR: Failed to load model x.",
        ),
        (
            ["/data/local/tmp/x: not executable: 64-bit ELF file"],
            "not executable",
        ),
        (NEW[:3], "count=50"),
    ],
)
def test_a_program_that_fails(lines, told):
    with pytest.raises(RunFailedError, match="benchmark_model failed: .*") as e:
        parse_output(lines)
    assert told in str(e.value)


def test_a_gpu_that_is_not_used_is_told(phone, measure):
    phone.play("benchmark_model")
    cpu = [
        line
        for line in phone.answer("use_gpu").splitlines()
        if "GPU" not in line and "Gpu" not in line
    ]
    phone.fault("use_gpu", stdout="\n".join(cpu), code=0)
    status, out, _ = measure(*PROGRAM_RUN)
    assert status == 0
    assert "0/306 in 0" in out
    about = "note: int8.tflite (gpu, 4 threads): "
    assert f"{about}No operation ran on the accelerator gpu" in out


# === The phone's shell ===


@pytest.mark.parametrize("name", ["app", "benchmark_model"])
def test_what_the_shell_gets_is_its_language(name):
    path = TRANSCRIPTS / f"{name}.txt"
    lines = {
        arguments[-1]
        for arguments, _ in fake_adb.read_transcript(path)
        if "shell" in arguments
    }
    assert len(lines) > 8
    for line in lines:
        subprocess.run(["/bin/sh", "-n", "-c", line], check=True)


@pytest.mark.parametrize("programs", [["sha1sum"], ["sha1sum", "sha256sum"]])
def test_the_shell_takes_the_best_program_for_hashes(tmp_path, programs):
    for name in programs:
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$1"\n')
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", f"{HASH_PROGRAM} /a"],
        env={"PATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{programs[-1]} /a\n"


def test_hashes_with_other_lines_and_ends():
    sha1, sha256 = "a" * 40, "b" * 64
    output = f"package:/x\r\n{sha1}  /data/a b\r\n{sha256}  /c\n0f  /d\n"
    assert read_hashes(output) == {"/data/a b": sha1, "/c": sha256}


class Shell:
    """A shell of this machine in place of the phone's."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = []

    def shell(self, line):
        self.lines.append(line)
        line = line.replace(FOLDER, str(self.folder / "files"))
        path = f"{self.folder}:{os.environ['PATH']}"
        return subprocess.run(
            ["/bin/sh", "-c", line],
            env={**os.environ, "PATH": path},
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def test_the_setting_of_the_screen_survives_an_unplugged_cable(tmp_path):
    log = tmp_path / "log"
    for name, code in (
        ("settings", f'echo "$@" >> {log}; [ "$1" = get ] && echo 7; true'),
        ("svc", f'echo svc "$@" >> {log}'),
        ("input", "true"),
        ("wm", "true"),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)
    phone = Shell(tmp_path)
    # It is unplugged before anything is restored.
    keep_screen_on(phone, Cleanup())
    assert (tmp_path / "files/stay_on_before").read_text() == "7\n"
    with Cleanup() as cleanup:
        keep_screen_on(phone, cleanup)
        asked = log.read_text().splitlines()
    setting = "global stay_on_while_plugged_in"
    # The second time it would read what the first one set.
    assert asked == [f"get {setting}", *["svc power stayon true"] * 2]
    assert log.read_text().splitlines()[3:] == [f"put {setting} 7"]
    assert not (tmp_path / "files").exists()


# === litert ===

LITERT = """\
import json, os, sys
print("Preparing to run on Android device via adb...")
print("Executing benchmark on device...")
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], os.environ["ANDROID_SERIAL"]]) + "\\n")
print({output!r})
"""


def install_litert(phone, output):
    log = str(phone.folder / "litert_calls")
    program = phone.folder / "litert"
    code = LITERT.format(log=log, output=output)
    program.write_text(f"#!{sys.executable} -IS\n{code}")
    program.chmod(0o755)
    return pathlib.Path(log)


RUN = ("int8.tflite", "--android", "--android-tool", "litert")


def test_litert(phone, measure):
    phone.play("benchmark_model")
    log = install_litert(phone, "\n".join(NEW))
    status, out, error = measure(
        *RUN, "--accelerator", "cpu,gpu", "--repeats", "1", "-o", "a.json"
    )
    assert (status, error) == (0, "")
    document = json.loads(pathlib.Path("a.json").read_text())
    jsonschema.Draft202012Validator(load_schema()).validate(document)
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    path = str(pathlib.Path("int8.tflite").resolve())
    assert sorted(calls) == [
        [["benchmark", path, "--android"], "4C021FDAQ000FP"],
        [["benchmark", path, "--android", "--gpu"], "4C021FDAQ000FP"],
    ]
    assert [r["num_threads"] for r in document["results"]] == [None, None]
    assert "1239.81 (1238.75 - 1247.41)" in out
    assert "litert chose the numbers of threads and runs." in out
    assert phone.is_clean() and not phone.calls(" push ")


def test_litert_is_missing(phone, measure):
    status, _, error = measure(*RUN)
    assert status == 1 and "pip install litert-cli" in error


def test_litert_is_ended_with_its_children():
    """A grandchild would go on measuring, and hold the pipe open."""
    command = ["/bin/sh", "-c", "sleep 60 & echo $!; wait"]
    with (
        pytest.raises(SilenceError),
        ProgramOutput(command, 0.5) as output,
    ):
        child = int(next(iter(output)))
        os.kill(child, 0)
        list(output)
    # It is gone, or waits for whoever has to collect it.
    limit = time.monotonic() + 10
    while is_running(child):
        assert time.monotonic() < limit
        time.sleep(0.02)


def is_running(number):
    try:
        status = pathlib.Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_litert_fails_with_status_0(phone, measure):
    """As it does."""
    phone.play("benchmark_model")
    phone.fault("get-state", stdout="device\n", code=0)
    install_litert(phone, "Execution failed on device: CalledProcessError(1)")
    status, _, error = measure(*RUN)
    assert status == 1 and "Execution failed on device" in error
    assert phone.is_clean()


# === The order ===

FILES = [
    ModelFile(name, pathlib.Path(name), "0" * 64, 1) for name in ("a", "b")
]


def test_each_repeat_measures_everything_once():
    configurations = list_configurations(FILES, ("cpu", "gpu"), (1, 4))
    twice = list_configurations(FILES * 2, ("cpu", "gpu") * 2, (1, 4, 1))
    assert twice == configurations
    # A GPU does not care about threads.
    assert [str(c) for c in configurations] == [
        *("a, cpu, 1 thread(s)", "b, cpu, 1 thread(s)"),
        *("a, cpu, 4 thread(s)", "b, cpu, 4 thread(s)"),
        *("a, gpu, 1 thread(s)", "b, gpu, 1 thread(s)"),
    ]
    plan = interleave(configurations, repeats=4, runs=10, warmup=2)
    assert [run.repeat for run in plan] == [
        r for r in range(4) for _ in "cccggg"
    ]
    for repeat in range(4):
        found = [r.configuration for r in plan if r.repeat == repeat]
        assert Counter(found) == Counter(configurations)
    for configuration in configurations:
        own = [run for run in plan if run.configuration == configuration]
        assert sum(run.runs for run in own) == 10
    # In an order of its own.
    orders = {
        tuple(r.configuration for r in plan if r.repeat == repeat)
        for repeat in range(4)
    }
    assert len(orders) > 1


def test_cores_that_are_asleep_count():
    """They have no frequency then; adb may end lines as Windows does."""

    class Adb:
        def shell(self, command):
            return "A\r\nB\r\n\r\n7.0\r\n24\r\narm64-v8a\r\n0-7\r\n1800000\r\n"

    facts = describe_phone(Adb())
    assert (facts["cores"], facts["max_frequencies_khz"]) == (8, [1800000])
    assert (facts["soc"], facts["sdk"]) == (None, 24)


@pytest.mark.parametrize(
    ("frequencies", "count"),
    [
        ([1920000] * 4 + [2600000] * 3 + [3105000], 4),
        ([2000000] * 8, 8),
        ([1800000] * 6 + [2200000] * 2, 8),
        ([1700000] * 6 + [2200000] * 2, 2),
        ([], 1),
        (None, 1),
    ],
)
def test_big_cores(frequencies, count):
    assert count_big_cores(frequencies) == count
