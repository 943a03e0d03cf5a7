"""Environments of their own, pip stubbed; test_baselines.py has a real one."""

import sys

import pytest

import virtual_environments
from logged_commands import CommandError
from virtual_environments import (
    python_version,
    python_with,
    user_cache,
)


@pytest.fixture
def commands(monkeypatch):
    """What would have been run."""
    seen = []

    def run(command, log):
        seen.append([str(part) for part in command])
        if "venv" in seen[-1]:
            command[-1].mkdir(parents=True)
        log.write_text("what pip says\n")

    monkeypatch.setattr(virtual_environments, "run_logged", run)
    return seen


def test_installed_once(commands, tmp_path):
    cache = tmp_path / "new" / "cache"
    command = python_with(("one==1.0", "two<2"), cache, "pair")
    (venv,) = cache.iterdir()
    inner = str(venv / "bin" / "python")
    assert venv.name.startswith("venv-pair-")
    assert command == [inner, "-E", "-s"]
    assert commands == [
        [sys.executable, "-m", "venv", str(venv)],
        [inner, "-m", "pip", "install", "one==1.0", "two<2"],
        [inner, "-m", "pip", "freeze"],
    ]
    assert (venv / "installed.txt").read_text() == "what pip says\n"
    assert python_with(("one==1.0", "two<2"), cache, "pair") == command
    assert len(commands) == 3
    assert python_with(("one==1.1", "two<2"), cache, "pair") != command


def test_what_was_interrupted_begins_anew(commands, tmp_path):
    python_with(("one==1.0",), tmp_path, "one")
    (venv,) = tmp_path.iterdir()
    (venv / "installed.txt").unlink()
    (venv / "half").touch()
    python_with(("one==1.0",), tmp_path, "one")
    assert len(commands) == 6
    assert not (venv / "half").exists()


def test_other_pythons_have_other_environments(commands, tmp_path, monkeypatch):
    own = python_with(("one==1.0",), tmp_path, "one")
    monkeypatch.setattr(
        virtual_environments, "python_version", lambda _: "3.9.1"
    )
    other = python_with(("one==1.0",), tmp_path, "one", "python3.9")
    assert other != own
    assert commands[3][0] == "python3.9"


def test_without_requirements_it_is_this_python(commands, tmp_path):
    assert python_with((), tmp_path, "none") == [sys.executable]
    assert commands == []


def test_versions_of_pythons(tmp_path):
    assert python_version() == ".".join(map(str, sys.version_info[:3]))
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert python_version(link) == python_version()
    with pytest.raises(CommandError, match="no-such-python is no Python"):
        python_version(tmp_path / "no-such-python")


def test_user_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache("a") == tmp_path / "keras_mobilevit" / "a"
