"""Files of others run once in a process of their own, which they may crash."""

import os
import pathlib
import signal
import sys

import numpy as np
import pytest
from micro_model import Tensor, micro_model

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite import compare_tensors, inspect, trial_run
from keras_mobilevit.tflite.interpreters import make_interpreter
from keras_mobilevit.tflite.metadata import append_metadata

FILES = pathlib.Path(__file__).parent / "files"
V1 = FILES / "v1_classifier_float32.tflite"


def of_others(data):
    """The same file in other bytes: those that this process packs are known."""
    return data + b"\0"


@pytest.fixture
def unknown(monkeypatch):
    """As in a process that has not seen any file."""
    monkeypatch.setattr(trial_run, "_known", set())


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Puts some lines of Python in the place of the process."""

    def replace(code):
        script = tmp_path / "trial.py"
        script.write_text(code)
        monkeypatch.setattr(trial_run.trial_process, "__file__", str(script))

    return replace


@pytest.fixture
def giant():
    """Consistent as it stands, but when it is run, 16 GB are filled."""
    tensors = {
        "x": Tensor((1, 4, 4, 1)),
        "sides": Tensor((2,), "int32", values=[1 << 16, 1 << 16]),
        "zero": Tensor((), values=0),
        "all": Tensor((-1, -1)),
        "y": Tensor((1, 4, 4, 1)),
    }
    nodes = [
        ("FILL", ["sides", "zero"], ["all"], None),
        ("ABS", ["x"], ["y"], None),
    ]
    return of_others(micro_model(tensors, nodes))


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
def test_memory_is_bounded(giant, tmp_path):
    path = tmp_path / "giant.tflite"
    path.write_bytes(giant)
    for read in (inspect, make_interpreter):
        with pytest.raises(ValueError, match="can not run .*giant.tflite"):
            read(path)
    with pytest.raises(ValueError, match="can not run"):
        compare_tensors(giant, giant, [np.zeros((4, 4, 1), np.uint8)])


def test_a_crash_is_told(unknown, process):
    process("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ValueError, match=f"signal {signal.SIGSEGV:d}$"):
        make_interpreter(V1)
    process("raise SystemExit(3)")
    with pytest.raises(ValueError, match="exit status 3$"):
        make_interpreter(V1)


def test_time_is_bounded(unknown, process, monkeypatch):
    monkeypatch.setattr(trial_run, "_TIMEOUT_S", 0.1)
    process("import time\ntime.sleep(60)")
    with pytest.raises(ValueError, match="takes over 0.1 s"):
        make_interpreter(V1)


def test_each_file_is_tried_once(unknown, process, tmp_path):
    """By its bytes, wherever it lies."""
    log = tmp_path / "log"
    process(
        "import sys\n"
        f"open({str(log)!r}, 'a').write(f'{{len(sys.stdin.buffer.read())}} ')"
    )
    copy = tmp_path / "copy.tflite"
    copy.write_bytes(V1.read_bytes())
    for path in (V1, V1, copy):
        make_interpreter(path)
    assert log.read_text().split() == [str(os.path.getsize(V1))]


def test_what_this_process_wrote_is_not_tried(process, tmp_path):
    process("raise SystemExit(3)")
    tensors = {name: Tensor((1, 4)) for name in "xy"}
    file = micro_model(tensors, [("ABS", ["x"], ["y"], None)])
    path = tmp_path / "a.tflite"
    path.write_bytes(append_metadata(file, ModelInfo()))
    make_interpreter(path)
    path.write_bytes(file)
    make_interpreter(path)
    path.write_bytes(of_others(file))
    with pytest.raises(ValueError, match="exit status 3"):
        make_interpreter(path)


@pytest.mark.parametrize("path", sorted(FILES.glob("*.tflite")), ids=str)
def test_good_files_pass(unknown, path):
    assert make_interpreter(path).get_input_details()


def test_what_litert_refuses_is_told_in_its_words(unknown, tmp_path):
    """Matrices that do not fit; LiteRT says so."""
    tensors = {
        "x": Tensor((1, 4)),
        "w": Tensor((2, 3), values=1.0),
        "y": Tensor((1, 2)),
    }
    nodes = [("FULLY_CONNECTED", ["x", "w"], ["y"], None)]
    path = tmp_path / "a.tflite"
    path.write_bytes(of_others(micro_model(tensors, nodes)))
    with pytest.raises(ValueError, match="can not run .*failed to prepare"):
        make_interpreter(path)
