"""The driver against a fake adb: complete runs, and its options."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import fake_adb
import jsonschema
import numpy as np
import pytest
from command_output import cells
from fake_phone import APP_RUN, PROGRAM_RUN

from keras_mobilevit import android
from keras_mobilevit.android import app
from keras_mobilevit.android.model_files import FOLDER
from keras_mobilevit.tflite.benchmarks.results import load_schema

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
