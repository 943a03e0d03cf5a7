"""A phone that is a transcript, and files to measure on it."""

import pathlib
import sys

import fake_adb
import pytest
from fake_phone import Phone

from keras_mobilevit.android import app
from keras_mobilevit.cli.main import main


@pytest.fixture
def phone(tmp_path, monkeypatch):
    """Also makes the folder of the files the current one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    source = pathlib.Path(fake_adb.__file__).read_text()
    # Isolated, which starts in a third of the time.
    (folder / "adb").write_text(f"#!{sys.executable} -IS\n{source}")
    (folder / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    # Whose hashes the transcripts have.
    (tmp_path / "float32.tflite").write_bytes(
        b"\x1c\0\0\0TFL3 float32, 28 bytes.."
    )
    (tmp_path / "int8.tflite").write_bytes(
        b"\x1c\0\0\0TFL3 int8, of 28 bytes.."
    )
    (tmp_path / "benchmark_model").write_bytes(b"\x7fELF for arm64")
    # An empty zip archive.
    (tmp_path / "app.apk").write_bytes(b"PK\5\6" + bytes(18))
    monkeypatch.chdir(tmp_path)
    return Phone(folder)


@pytest.fixture
def measure(phone, capsys):
    """Runs the command; returns status, standard output and error."""

    def run(*arguments):
        status = main(["benchmark", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return run


@pytest.fixture(autouse=True)
def no_apk_of_this_checkout(tmp_path, monkeypatch):
    """What was built here shall not decide what a test sees."""
    monkeypatch.setattr(
        app.find_built_apk, "__defaults__", (tmp_path / "builds",)
    )
