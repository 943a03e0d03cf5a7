"""Runs on a phone that fail, crash, stick, or answer with nonsense."""

import hashlib
import json
import pathlib
import time

import pytest
from command_output import cells, is_told
from fake_phone import APP_RUN, PROGRAM_RUN

ERROR = (
    "INSTRUMENTATION_RESULT: advice=Leave --accelerator gpu out.\n"
    "INSTRUMENTATION_RESULT: error=accelerator_missing\n"
    "INSTRUMENTATION_RESULT: message=This phone has no GPU for LiteRT.\n"
    "INSTRUMENTATION_CODE: 0\n"
)
HOT = (
    "INSTRUMENTATION_RESULT: advice=Let it cool down.\n"
    "INSTRUMENTATION_RESULT: error=too_hot\n"
    "INSTRUMENTATION_RESULT: message=It is too hot.\n"
    "INSTRUMENTATION_CODE: 0\n"
)
CRASH = (
    "INSTRUMENTATION_RESULT: longMsg=java.lang.IllegalStateException: broken\n"
    "\tat org.kerasmobilevit.benchmark.engine.BenchmarkJob.run(Job.kt:1)\n"
    "INSTRUMENTATION_RESULT: shortMsg=java.lang.IllegalStateException\n"
    "INSTRUMENTATION_CODE: 0\n"
)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (ERROR, "This phone has no GPU for LiteRT. Leave --accelerator gpu"),
        (HOT, "too hot. Let it cool down. Or measure with --ignore-heat"),
        (CRASH, "app crashed: java.lang.IllegalStateException: broken (more"),
        (
            "INSTRUMENTATION_RESULT: shortMsg=Process crashed.\n"
            "INSTRUMENTATION_CODE: 0\n",
            "The app crashed: Process crashed.",
        ),
        ("", "ended without a result"),
    ],
)
def test_all_runs_fail(phone, measure, output, told):
    phone.fault("am instrument", stdout=output, code=0)
    phone.fault("get-state", stdout="device\n", code=0)
    assert is_told(*measure(*APP_RUN), told, "(1 other failed too)")
    # Not once more in the second repeat.
    assert len(phone.calls("am instrument")) == 2
    assert phone.is_clean()


def test_one_configuration_fails(phone, measure):
    """The others are measured, and the status says that something failed."""
    digest = hashlib.sha256(pathlib.Path("int8.tflite").read_bytes())
    phone.fault(f"instrument.*{digest.hexdigest()}", stdout=CRASH, code=0)
    phone.fault("get-state", stdout="device\n", code=0)
    status, out, error = measure(*APP_RUN, "-o", "phone.json")
    assert status == 1
    assert error.startswith("error: int8.tflite, cpu, 4 thread(s): The app cr")
    assert "float32.tflite" in out and "int8.tflite" not in out
    document = json.loads(pathlib.Path("phone.json").read_text())
    assert {r["file"] for r in document["results"]} == {"float32.tflite"}
    assert phone.is_clean()


def test_the_first_file_fails(phone, measure):
    """The second is not taken in its place."""
    digest = hashlib.sha256(pathlib.Path("float32.tflite").read_bytes())
    phone.fault(f"instrument.*{digest.hexdigest()}", stdout=CRASH, code=0)
    phone.fault("get-state", stdout="device\n", code=0)
    status, out, _ = measure(*APP_RUN)
    assert status == 1
    (row,) = (line for line in out.splitlines() if "int8.tflite" in line)
    assert cells(row)[4] == "unknown"


def test_android_crashes(phone, measure):
    phone.fault(
        "am instrument",
        stdout="INSTRUMENTATION_ABORTED: System has crashed.\n",
        code=0,
    )
    assert is_told(*measure(*APP_RUN), "Android itself crashed")
    assert len(phone.calls("am instrument")) == 1
    assert phone.is_clean()


def without(text, part):
    assert part in text
    return text.replace(part, "", 1)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            lambda text: without(
                text,
                "INSTRUMENTATION_STATUS: index=1\n"
                "INSTRUMENTATION_STATUS_CODE: 1\n",
            ),
            "piece 1 of 2 is missing",
        ),
        (
            lambda text: without(text, "INSTRUMENTATION_CODE: -1\n"),
            "ended without a result",
        ),
        (
            # A piece that lacks its end, which is still base64.
            lambda text: text.replace(
                "\nINSTRUMENTATION_STATUS: index=0", "", 1
            ).replace("chunk=eyJz", "index=0\nINSTRUMENTATION_STATUS: chunk="),
            "damaged on its way",
        ),
        (
            lambda text: text.replace("chunk=eyJz", "chunk=%", 1),
            "damaged on its way",
        ),
    ],
)
def test_a_result_is_truncated(phone, measure, damage, told):
    phone.fault(
        "am instrument",
        stdout=damage(phone.answer("am instrument")),
        code=0,
    )
    phone.fault("get-state", stdout="device\n", code=0)
    assert is_told(*measure(*APP_RUN), told)
    assert phone.is_clean()


def test_the_result_of_another_file(phone, measure):
    """The app measured what it was not asked for."""
    phone.fault("am instrument", stdout=phone.answer("am instrument"), code=0)
    status, _, error = measure(*APP_RUN)
    assert status == 1
    assert "the app measured another file: expected the hash" in error
    assert phone.is_clean()


def test_a_run_that_is_stuck(phone, measure):
    phone.fault(
        "am instrument",
        stdout="INSTRUMENTATION_STATUS: progress=0/15\n"
        "INSTRUMENTATION_STATUS_CODE: 2\n",
        sleep=30,
    )
    phone.fault("get-state", stdout="device\n", code=0)
    begun = time.monotonic()
    assert is_told(
        *measure(*APP_RUN, "--timeout", "0.3"),
        "no word of it for 0.3 s",
        "--timeout",
    )
    assert time.monotonic() - begun < 10
    # Before the next file, and in the end.
    kinds = [
        "run" if "instrument" in call else "stop"
        for call in phone.calls("shell am ")
    ]
    assert kinds == ["run", "stop", "run", "stop", "stop"]
    assert phone.is_clean()


def test_a_program_that_is_stuck(phone, measure):
    phone.play("benchmark_model")
    phone.fault("graph.*use_gpu", sleep=30)
    phone.fault("get-state", stdout="device\n", code=0)
    status, out, error = measure(*PROGRAM_RUN, "--timeout", "2")
    assert status == 1
    assert error.startswith("error: int8.tflite, gpu: There was no word of it")
    assert "cpu, 4 threads" in out
    assert len(phone.calls("pkill -f")) == 2
    assert phone.is_clean()


def test_waiting_for_the_phone_to_cool_down(phone, measure, monkeypatch):
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", "3600")
    waiting = (
        "INSTRUMENTATION_STATUS: waiting=headroom 0.93, limit 0.80\n"
        "INSTRUMENTATION_STATUS_CODE: 2\n"
    ) * 3
    phone.fault(
        "instrument.*repeat 0.*",
        stdout=waiting + ERROR,
        code=0,
    )
    phone.fault("get-state", stdout="device\n", code=0)
    _, _, error = measure(*APP_RUN)
    told = "waiting for the phone to cool down: headroom 0.93, limit"
    # Once for each of two runs, though the app says it every other second.
    assert error.count(told) == 2
