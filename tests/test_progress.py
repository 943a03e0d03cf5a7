"""What a loop tells of itself, on a terminal and in a log file."""

import io
import re
import sys

import pytest

from keras_mobilevit import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def seconds(monkeypatch):
    """Sets the time between lines."""
    return lambda value: monkeypatch.setattr(
        progress, "SECONDS_BETWEEN_LINES", value
    )


def test_lines_where_there_is_no_terminal(capsys, seconds):
    seconds(0)
    for _ in progress.progress_bar(range(4), desc="reading", unit="image"):
        pass
    text = capsys.readouterr().err
    assert "\r" not in text and text.endswith("\n")
    found = re.findall(r"^reading: +(\d+)%\| (\d)/4 \[.*\]$", text, re.M)
    assert len(found) == text.count("\n")
    assert {*found} >= {("25", "1"), ("50", "2"), ("75", "3"), ("100", "4")}


def test_a_loop_of_less_than_seconds_is_not_mentioned(capsys, seconds):
    seconds(60)
    assert list(progress.progress_bar(range(4), desc="reading")) == [0, 1, 2, 3]
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = progress.progress_bar(total=2, mininterval=0, ncols=60)
    progress.write_line(bar, "half")
    bar.update(2)
    bar.close()
    text = terminal.getvalue().replace(" ", "")
    assert "\rhalf\n" in text and "\r100%|#####" in text


@pytest.mark.parametrize("disable", [False, True])
def test_a_line_between_the_others(capsys, seconds, disable):
    seconds(60)
    bar = progress.progress_bar(total=2, disable=disable)
    progress.write_line(bar, "epoch 1")
    bar.update(2)
    bar.close()
    assert capsys.readouterr().err == ("" if disable else "epoch 1\n")
