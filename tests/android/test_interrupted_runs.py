"""Cables, signals and targets that end a measurement, and what remains."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from command_output import is_told
from fake_phone import APP_RUN, SERIAL

from keras_mobilevit.android import adb


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
