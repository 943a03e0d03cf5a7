"""The driver against a fake adb: complete runs, every failure, cleaning up."""

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import fake_adb
import jsonschema
import numpy as np
import pytest
from fake_phone import APP_RUN, PROGRAM_RUN, SERIAL

from keras_mobilevit import android
from keras_mobilevit.android import adb, app
from keras_mobilevit.android.model_files import FOLDER
from keras_mobilevit.tflite.benchmarks.results import load_schema


@pytest.fixture(autouse=True)
def no_apk_of_this_checkout(tmp_path, monkeypatch):
    """What was built here shall not decide what a test sees."""
    monkeypatch.setattr(
        app.find_built_apk, "__defaults__", (tmp_path / "builds",)
    )


def cells(line):
    return [cell.strip() for cell in line.split("|")[1:-1]]


def is_told(status, out, error, *parts):
    """In one line, without anything else."""
    assert (status, out) == (1, ""), error
    assert error.startswith("error: ") and error.count("\n") == 1
    for part in parts:
        assert part in error
    return True


# === Complete runs ===


def test_the_app(phone, measure):
    status, out, error = measure(*APP_RUN, "-o", "phone.json")
    assert (status, error) == (0, "")
    document = json.loads(pathlib.Path("phone.json").read_text())
    jsonschema.Draft202012Validator(load_schema()).validate(document)
    assert document["machine"]["model"] == "Pixel 9"
    results = document["results"]
    assert [(r["file"], r["repeat"]) for r in results] == [
        (file, repeat)
        for file in ("float32.tflite", "int8.tflite")
        for repeat in (0, 1)
    ]
    assert all(r["misc_metrics"]["num_runs"] == 15 for r in results)

    # Over the samples of both repeats, as NumPy has it.
    _, _, *rows = out.splitlines()[:4]
    for row, pair in zip(rows, (results[:2], results[2:]), strict=True):
        samples = np.concatenate([r["samples_ms"] for r in pair])
        assert samples.size == 30
        p5, median, p95 = np.percentile(samples, (5, 50, 95))
        assert cells(row)[3] == f"{median:.2f} ({p5:.2f} - {p95:.2f})"
    assert cells(rows[1])[:3] == ["int8.tflite", "28", "cpu, 4 threads"]
    assert cells(rows[1])[-3:] == ["599/599 in 1", "identical", "0.41 to 0.49"]
    assert cells(rows[0])[-2] == "within, 118.4 dB"
    assert "Tensor G4, 1 x 3.10 GHz + 3 x 2.60 GHz + 4 x 1.92 GHz" in out
    assert "app (foreground app, release build), LiteRT 2.3.2" in out

    assert phone.is_clean()
    assert phone.calls()[-2].endswith(f"am force-stop {app.PACKAGE}")
    assert len(phone.calls(" install -r app.apk")) == 1
    assert len(phone.calls(" push ")) == 2
    # Each repeat measures both files, and the heat is left to the app.
    runs = phone.calls("am instrument")
    assert ["-e repeat 0" in run for run in runs] == [True, True, False, False]
    assert all("-e max_headroom 0.8 -e cooldown 120" in run for run in runs)


def test_benchmark_model(phone, measure):
    phone.play("benchmark_model")
    status, out, error = measure(*PROGRAM_RUN, "-o", "phone.json")
    assert (status, error) == (0, "")
    document = json.loads(pathlib.Path("phone.json").read_text())
    jsonschema.Draft202012Validator(load_schema()).validate(document)
    assert document["machine"]["soc"] == "Tensor G4"
    cpu, gpu = document["results"]
    assert cpu["num_threads"] == 4  # The big cores: 1 and 3.
    assert cpu["latency_metrics"]["median_ms"] == 3.15
    assert cpu["latency_metrics"]["avg_ms"] == 3.15825
    assert cpu["latency_metrics"]["first_inference_ms"] == 6.021
    assert cpu["misc_metrics"]["num_runs"] == 50
    assert cpu["misc_metrics"]["num_warmup_runs"] == 5
    assert cpu["memory_metrics"]["overall_footprint_kb"] == 10680
    assert (cpu["delegated"], cpu["nodes"], cpu["partitions"]) == (599, 599, 1)
    assert (gpu["delegated"], gpu["nodes"], gpu["partitions"]) == (300, 599, 7)
    assert (cpu["process"], cpu["tool"]) == ("shell", "benchmark_model")
    assert "300/599 in 7" in out
    assert "On the cores of the mask f0." in out
    assert phone.is_clean()
    assert not phone.calls("org.kerasmobilevit")


def test_a_plot(phone, measure):
    pytest.importorskip("matplotlib")
    status, _, _ = measure(*APP_RUN, "--plot", "phone.svg")
    svg = pathlib.Path("phone.svg").read_text()
    assert status == 0 and svg.startswith("<svg")


def test_files_on_the_phone_are_not_pushed(phone, measure):
    hashes = phone.answer("sha1sum) /data/local/tmp")
    assert hashes == ""
    there = [
        answer["stdout"]
        for arguments, answer in fake_adb.read_transcript(phone.transcript)
        if "sha1sum) /data/local" in arguments[-1]
    ][1]
    phone.fault("sha1sum. /data/local", stdout=there, code=0)
    status, _, _ = measure(*APP_RUN)
    assert status == 0
    assert not phone.calls(" push ")
    assert not phone.calls("touch")
    # What this run did not push is not its to remove.
    assert not phone.calls("shell rm -f /data/local")


def test_files_that_an_unplugged_cable_left_are_removed(phone, measure):
    """Their markers say that nobody asked for them to be kept."""
    names = ("float32.tflite", "int8.tflite")
    lines = "".join(sha1_lines(*names))
    empty = hashlib.sha1(b"").hexdigest()
    marked = f"{empty}  {lines.split()[-1]}.temporary\n"
    phone.fault("sha1sum. /data/local", stdout=lines + marked, code=0)
    assert measure(*APP_RUN)[0] == 0
    assert not phone.calls(" push ")
    (removal,) = phone.calls("shell rm -f /data/local")
    assert removal.split()[-2:] == [
        lines.split()[-1],
        f"{lines.split()[-1]}.temporary",
    ]


def test_files_of_an_interrupted_run_can_be_kept(phone, measure):
    lines = "".join(sha1_lines("float32.tflite", "int8.tflite"))
    path = lines.split()[-1]
    marked = f"{'0' * 40}  {path}.temporary\n"
    phone.fault("sha1sum. /data/local", stdout=lines + marked, code=0)
    phone.fault("rm -f /data/local", code=0)
    assert measure(*APP_RUN, "--keep-files")[0] == 0
    (removal,) = phone.calls("shell rm -f /data/local")
    assert removal.split()[-2:] == ["-f", f"{path}.temporary"]


def sha1_lines(*names):
    """What Android 7 says of the files, which has no sha256sum."""
    for name in names:
        data = pathlib.Path(name).read_bytes()
        remote = f"{FOLDER}/{hashlib.sha256(data).hexdigest()}.tflite"
        yield f"{hashlib.sha1(data).hexdigest()}  {remote}\n"


def test_android_7_has_sha1sum_alone(phone, measure):
    names = ("float32.tflite", "int8.tflite")
    lines = "".join(sha1_lines(*names))
    phone.fault("sha1sum. /data/local.*temporary", code=0)
    phone.fault("sha1sum. /data/local", stdout=lines, code=0)
    apk = hashlib.sha1(pathlib.Path("app.apk").read_bytes()).hexdigest()
    phone.fault(
        "pm path",
        stdout="package:/data/app/base.apk\n    versionName=0.2.0\n"
        f"{apk}  /data/app/base.apk\n",
        code=0,
    )
    assert measure(*APP_RUN)[0] == 0
    assert len(phone.calls(" push ")) == 2 and phone.is_clean()
    assert not phone.calls(" install ")


def test_files_can_be_kept(phone, measure):
    status, _, _ = measure(*APP_RUN, "--keep-files")
    assert status == 0
    assert not phone.calls("touch")
    assert not phone.calls("shell rm -f /data/local")
    assert phone.calls("settings put global stay_on_while_plugged_in 0")


def test_the_same_apk_is_not_installed_again(phone, measure):
    digest = hashlib.sha256(pathlib.Path("app.apk").read_bytes()).hexdigest()
    phone.fault(
        "pm path",
        stdout="package:/data/app/base.apk\n    versionName=0.2.0\n"
        f"{digest}  /data/app/base.apk\n",
        code=0,
    )
    status, _, _ = measure(*APP_RUN)
    assert status == 0
    assert not phone.calls(" install ")


def test_the_newest_signed_build_is_found(tmp_path):
    folder = tmp_path / "builds"
    folder.mkdir()
    for age, name in enumerate(("new", "old", "newest-unsigned")):
        path = folder / f"{name}.apk"
        path.touch()
        os.utime(path, (0, 100 - age if "unsigned" not in name else 200))
    assert app.find_built_apk(folder).name == "new.apk"
    assert app.find_built_apk(tmp_path / "none") is None


def test_the_setting_before_an_interrupted_run_is_restored(phone, measure):
    """The folder remembers it, and `null` stands for none."""
    phone.fault("mkdir -p", stdout="null\n", code=0)
    for call in ("echo null >", "settings delete global"):
        phone.fault(call, code=0)
    status, _, _ = measure(*APP_RUN)
    assert status == 0
    assert len(phone.calls("settings delete global stay_on_while")) == 1


# === No phone to measure on ===


def test_no_adb(phone, measure, monkeypatch):
    monkeypatch.setenv("PATH", str(phone.folder / "none"))
    assert is_told(
        *measure(*APP_RUN), "There is no program 'adb' on PATH", "apt install"
    )


def test_the_serial_of_the_environment(phone, measure, monkeypatch):
    """As adb has it; an option counts more."""
    monkeypatch.setenv("ANDROID_SERIAL", "R5CT")
    assert is_told(*measure(*APP_RUN), "no phone with the serial number 'R5CT'")
    assert measure(*APP_RUN, "--serial", SERIAL)[0] == 0


LIST = "List of devices attached\n"


@pytest.mark.parametrize(
    ("listed", "options", "told"),
    [
        ("", (), ["No phone is connected", "USB debugging"]),
        (
            f"{SERIAL}  unauthorized usb:1-2 transport_id:3\n",
            (),
            ["has not authorized this computer", "Allow USB debugging?"],
        ),
        (f"{SERIAL}  offline usb:1-2\n", (), ["does not answer adb"]),
        (
            f"{SERIAL}  no permissions (missing udev rules? user is in the "
            "plugdev group); see [http://developer.android.com]\n",
            (),
            ["no permissions", "is not ready"],
        ),
        (
            f"{SERIAL}  device product:tokay model:Pixel_9 device:tokay\n"
            "emulator-5554  device product:sdk model:sdk_gphone64_arm64\n",
            (),
            [
                "2 phones are connected: choose one with --serial",
                f"{SERIAL} (Pixel 9), emulator-5554 (sdk gphone64 arm64)",
            ],
        ),
        (
            f"{SERIAL}  device model:Pixel_9\n",
            ("--serial", "R5CT"),
            ["no phone with the serial number 'R5CT'", f"{SERIAL} (Pixel 9)"],
        ),
        (
            f"{SERIAL}  device model:Pixel_9\nR5CT  offline\n",
            ("--serial", "R5CT"),
            ["does not answer adb"],
        ),
    ],
)
def test_devices(phone, measure, listed, options, told):
    phone.fault("^devices", stdout=LIST + listed, code=0)
    assert is_told(*measure(*APP_RUN, *options), *told)
    assert phone.calls() == ["devices -l"]


def test_what_is_not_ready_is_not_chosen(phone, measure):
    phone.fault(
        "^devices",
        stdout=f"{LIST}R5CT  offline\n{SERIAL}  device model:Pixel_9\n",
        code=0,
    )
    status, _, _ = measure(*APP_RUN)
    assert status == 0


def test_the_server_of_adb_does_not_start(phone, measure):
    phone.fault(
        "^devices",
        stderr="* daemon not running; starting now at tcp:5037\n"
        "adb: failed to check server version: cannot connect to daemon\n",
    )
    assert is_told(*measure(*APP_RUN), "server of adb can not be started")


# === The app is not there ===


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            "INSTALL_FAILED_UPDATE_INCOMPATIBLE: Existing package "
            "org.kerasmobilevit.benchmark signatures do not match newer "
            "version; ignoring!",
            [
                "signed by somebody else's key",
                f"adb -s {SERIAL} uninstall org.keras",
            ],
        ),
        (
            "INSTALL_FAILED_INSUFFICIENT_STORAGE: Failed to override "
            "installation location",
            ["not enough storage"],
        ),
        ("INSTALL_FAILED_VERSION_DOWNGRADE", ["newer than the APK"]),
        ("INSTALL_FAILED_OLDER_SDK", ["Android is too old"]),
        ("INSTALL_FAILED_NO_MATCHING_ABIS", ["64-bit"]),
        ("INSTALL_PARSE_FAILED_NO_CERTIFICATES", ["not signed"]),
        ("INSTALL_FAILED_USER_RESTRICTED", ["Install via USB"]),
        (
            "INSTALL_FAILED_VERIFICATION_FAILURE",
            ["failed with exit status 1", "INSTALL_FAILED_VERIFICATION"],
        ),
    ],
)
def test_installation_fails(phone, measure, failure, told):
    phone.fault(
        " install ",
        stdout="Performing Streamed Install\n",
        stderr=f"adb: failed to install app.apk: Failure [{failure}]\n",
    )
    assert is_told(*measure(*APP_RUN), *told)
    assert phone.is_clean()
    assert not phone.calls("am instrument")


def test_no_app(phone, measure):
    run = [word for word in APP_RUN if word not in ("--apk", "app.apk")]
    assert is_told(
        *measure(*run), "is not on the phone", "--apk", "benchmark_model"
    )
    assert phone.is_clean()


def test_an_app_that_is_too_old(phone, measure):
    phone.fault(
        "pm path",
        stdout="package:/data/app/base.apk\n    versionName=0.1.9\n",
        code=0,
    )
    assert is_told(
        *measure(*APP_RUN), "too old: expected 0.2.0 or newer. Received: 0.1.9"
    )
    assert phone.is_clean()


def test_an_app_without_the_instrumentation(phone, measure):
    phone.fault(
        "am instrument",
        stdout="INSTRUMENTATION_STATUS: Error=Unable to find instrumentation "
        "info for: ComponentInfo{org.kerasmobilevit.benchmark/org."
        "kerasmobilevit.benchmark.BenchmarkInstrumentation}\n"
        "INSTRUMENTATION_STATUS: id=ActivityManagerService\n"
        "INSTRUMENTATION_STATUS_CODE: -1\n",
        stderr="android.util.AndroidException: INSTRUMENTATION_FAILED: "
        "org.kerasmobilevit.benchmark/.BenchmarkInstrumentation\n",
    )
    assert is_told(
        *measure(*APP_RUN), "does not fit this package", "Unable to find"
    )
    assert phone.is_clean()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("none.apk", None, "There is no APK at none.apk"),
        ("text.apk", b"<html>", "text.apk is no APK"),
    ],
)
def test_no_apk(phone, measure, name, data, told):
    if data is not None:
        pathlib.Path(name).write_bytes(data)
    assert is_told(*measure(*APP_RUN, "--apk", name), told)
    assert phone.is_clean()


# === Files ===


def test_a_file_that_is_none(phone, measure):
    pathlib.Path("a.tflite").write_bytes(b"<html></html>")
    for name, told in (
        ("a.tflite", "is no .tflite file: expected TFL3"),
        ("missing.tflite", "There is no .tflite file at missing.tflite"),
    ):
        assert is_told(*measure(name, "--android"), told)
    assert phone.calls() == []


def test_a_name_that_is_no_text(phone, measure):
    name = "int8\n\x1b\udcff.tflite"
    pathlib.Path("int8.tflite").rename(name)
    phone.fault(" push 'int8", code=0)
    run = [name if word == "int8.tflite" else word for word in APP_RUN]
    status, out, _ = measure(*run, "-o", "phone.json")
    assert status == 0 and "| int8???.tflite " in out
    document = json.loads(pathlib.Path("phone.json").read_text())
    jsonschema.Draft202012Validator(load_schema()).validate(document)


def test_no_storage(phone, measure):
    phone.fault(
        " push int8",
        stderr="adb: error: failed to copy 'int8.tflite' to "
        "'/data/local/tmp/keras_mobilevit/x.tflite': remote No space left on "
        "device\n",
    )
    assert is_told(*measure(*APP_RUN), "not enough storage on the phone")
    # A copy that was cut off is removed too.
    assert phone.is_clean()


def test_a_file_is_damaged_on_its_way(phone, measure):
    phone.fault("sha1sum. /data/local", stdout=f"{'0' * 64}  /x\n", code=0)
    assert is_told(*measure(*APP_RUN), "float32.tflite was damaged on its way")
    assert phone.is_clean()


# === Runs that fail ===

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


# === Ended in between ===


def test_the_cable_is_unplugged(phone, measure):
    """After two results, which are not lost."""
    phone.fault("instrument.*repeat 1", unplugged=True, code=255)
    with pytest.warns(UserWarning) as caught:
        status, out, error = measure(*APP_RUN, "-o", "phone.json")
    assert status == 1
    assert "The phone was disconnected" in error
    (warning,) = caught
    assert str(warning.message).startswith("The phone could not be cleaned up")
    assert "the screen stays on" in str(warning.message)
    assert out.count("tflite") == 2
    document = json.loads(pathlib.Path("phone.json").read_text())
    assert [r["repeat"] for r in document["results"]] == [0, 0]
    assert "The phone was disconnected" in str(warning.message)
    # A phone that is not there is asked only once whether it is back.
    before = [i for i, x in enumerate(phone.calls()) if "get-state" in x]
    assert len(phone.calls()) == before[-1] + 2


def test_the_cable_is_plugged_in_again(phone, measure):
    """Adb says once that the phone is gone."""
    phone.fault("instrument.*repeat 1", stderr="error: closed\n")
    phone.fault("get-state", stderr=f"error: device '{SERIAL}' not found\n")
    status, out, error = measure(*APP_RUN)
    assert status == 1 and "The phone was disconnected" in error
    assert out.count("tflite") == 2
    assert phone.is_clean()


def test_a_phone_that_does_not_answer(phone, measure, monkeypatch):
    """It costs one more limit of time, not one for each step."""
    monkeypatch.setattr(adb.Adb.shell, "__defaults__", (1.0,))
    phone.fault("chmod 755 .*tflite|rm -f .*tflite", sleep=20)
    begun = time.monotonic()
    with pytest.warns(UserWarning, match="cleaned up.*did not end within 1 s"):
        told = measure(*APP_RUN)
    assert is_told(*told, "`adb shell` did not end within 1 s", "unlock")
    assert time.monotonic() - begun < 15
    assert len(phone.calls("shell rm -f /data")) == 1
    assert not phone.calls("force-stop")


@pytest.mark.parametrize(
    "stderr",
    [
        "adb: error: failed to copy 'int8.tflite' to '/data/local/tmp/x': "
        "couldn't read from device\n",
        "error: protocol fault (couldn't read status): Broken pipe\n",
        "error: closed\n",
    ],
)
def test_the_connection_breaks(phone, measure, stderr):
    phone.fault(" push int8", stderr=stderr, unplugged=True)
    with pytest.warns(UserWarning, match="could not be cleaned up"):
        told = measure(*APP_RUN)
    assert is_told(*told, "The phone was disconnected")


# Whoever runs the tests in the background may ignore signals, and children
# inherit that.
_START = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from keras_mobilevit.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def start(phone, *options, **streams):
    """Runs the command in a process of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-c", _START, "benchmark"),
            *(*APP_RUN, "-o", "phone.json", *options),
        ],
        env={**os.environ, "KERAS_MOBILEVIT_PROGRESS_SECONDS": "0"},
        text=True,
        **streams,
    )


def wait_for(condition):
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_kill_midway(phone, number, status):
    phone.fault("instrument.*repeat 1", sleep=60)
    process = start(phone, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: phone.calls("repeat 1"))
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert phone.calls("am force-stop")
    assert phone.is_clean()
    # What was measured before is told and written.
    assert out.count("tflite") == 2
    document = json.loads(pathlib.Path("phone.json").read_text())
    assert len(document["results"]) == 2


def test_a_broken_pipe(phone):
    """As of `| head -n 0`: nobody reads, and the file is written."""
    reader, writer = os.pipe()
    os.close(reader)
    process = start(phone, stdout=writer, stderr=subprocess.DEVNULL)
    os.close(writer)
    assert process.wait(60) != 0
    assert phone.is_clean()
    document = json.loads(pathlib.Path("phone.json").read_text())
    assert len(document["results"]) == 4


def test_signals_are_handled_as_before(phone, measure):
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert measure(*APP_RUN)[0] == 0
    after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert before == after


def test_a_target_that_cannot_be_written_is_told_before(phone, measure):
    """Minutes of measuring would be lost."""
    pathlib.Path("file").touch()
    pathlib.Path("folder.svg").mkdir()
    for options in (("-o", "file/a.json"), ("--plot", "folder.svg")):
        status, out, error = measure(*APP_RUN, *options)
        assert (status, out) == (1, "") and error.startswith("error: ")
    assert phone.calls() == []


def test_a_target_that_vanishes_does_not_take_the_table(phone, measure):
    """The phone's last call makes a folder where the file should be."""
    phone.fault("instrument.*repeat 1", makes="phone.json", unplugged=True)
    with pytest.warns(UserWarning, match="could not be cleaned up"):
        status, out, error = measure(*APP_RUN, "-o", "phone.json")
    assert status == 1 and out.count("tflite") == 2
    # Both are told: what ended it, and that nothing was written.
    assert "The phone was disconnected" in error
    lines = error.splitlines()
    assert len(lines) == 2 and "phone.json" in lines[0]


# === Options ===


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--taskset", "f0"), "--taskset needs --android-tool benchmark"),
        (
            ("--android-tool", "litert", "--threads", "2"),
            "litert chooses this itself: leave --threads out",
        ),
        (
            ("--android-tool", "litert", "--runs", "2"),
            "litert chooses this itself: leave --runs out",
        ),
        (
            ("--android-tool", "benchmark_model", "--cooldown", "3"),
            "--cooldown needs --android-tool app",
        ),
        (
            ("--ignore-heat", "--max-headroom", "0.7"),
            "exclude each other",
        ),
        (("--accelerator", "npu"), "expected cpu, gpu or cpu,gpu"),
        (("--threads", "1,x"), "expected numbers as 1,2"),
    ],
)
def test_options_that_do_not_fit(phone, measure, capsys, options, told):
    with pytest.raises(SystemExit) as stop:
        measure("int8.tflite", "--android", *options)
    assert stop.value.code == 2
    assert told in capsys.readouterr().err
    assert phone.calls() == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tool": "tool"}, "`tool` must be one of"),
        ({"accelerators": ("npu",)}, "`accelerators` must be some of"),
        ({"accelerators": ()}, "`accelerators` must be some of"),
        ({"threads": (0,)}, "`threads` must be numbers from 1 to 64"),
        ({"repeats": 3, "runs": 2}, "1 <= repeats <= runs"),
        ({"max_headroom": 0.0}, "`max_headroom` must be above 0"),
        ({"timeout": 0.0}, "timeout > 0"),
        ({"tool": "benchmark_model"}, "--benchmark-model"),
        ({"taskset": "f0; rm"}, "`taskset` must be a hexadecimal mask"),
    ],
)
def test_options_out_of_range(options, told):
    with pytest.raises(ValueError, match=told):
        android.PhoneOptions(**options)


@pytest.mark.parametrize("module", ["jsonschema", "tqdm"])
def test_what_is_missing_is_told_before(phone, measure, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    status, out, error = measure(*APP_RUN)
    assert (status, out) == (1, "") and "keras-mobilevit[runtime]" in error
    assert not phone.calls(" shell ")


def test_nothing_heavy_is_imported(phone):
    """Neither Keras nor LiteRT, which take seconds."""
    code = """
import json, sys
from keras_mobilevit.cli.main import main
status = main(["benchmark", *sys.argv[1:]])
heavy = {"keras", "tensorflow", "ai_edge_litert", "PIL", "matplotlib"}
print(json.dumps([status, sorted(heavy & set(sys.modules))]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *APP_RUN],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]
