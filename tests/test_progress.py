"""Progress without a terminal: lines in the log of a command, else nothing."""

import contextlib
import io
import re
import time

import pytest

from keras_mobilevit.progress import progress_bar, progress_lines, stage


class Log(io.StringIO):
    """Standard error of a command, on a terminal or not."""

    def __init__(self, terminal=False):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.fixture
def log(monkeypatch):
    """Where lines are written, every hundredth of a second."""
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", "0.01")
    return Log()


@contextlib.contextmanager
def command(log):
    # Not in a fixture: pytest sets it anew for each phase of a test.
    with contextlib.redirect_stderr(log), progress_lines():
        yield


def wait_for(log, text):
    limit = time.monotonic() + 20
    while text not in log.getvalue():
        assert time.monotonic() < limit, log.getvalue()
        time.sleep(0.01)


def test_lines_say_how_far_and_how_long(log):
    with command(log):
        for item in progress_bar(range(2000), desc="evaluating"):
            if item == 1500:
                wait_for(log, "1,500")
    lines = log.getvalue().splitlines()
    assert re.fullmatch(
        r"evaluating: 1,500 of 2,000, \d+ s, about \d+ s left", lines[-1]
    )


def test_what_is_left_takes_as_long_as_what_was_done(log, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", "60")
    with command(log):
        bar = progress_bar(desc="training", total=120, initial=20)
        now = 30.0
        assert str(bar) == "training: 20 of 120, 30 s"
        bar.update(25)
        bar.set_postfix({"loss": "0.512"})
        assert str(bar) == (
            "training: 45 of 120, 30 s, about 90 s left, loss 0.512"
        )
        bar.reset(4)
        bar.set_description("testing")
        assert str(bar) == "testing: 0 of 4, 0 s"
        bar.close()


def test_the_rate_of_what_has_a_name(log, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", "60")
    with command(log):
        bar = progress_bar(desc="training", total=120, initial=20, unit="image")
        assert str(bar) == "training: 20 of 120, 0 s"
        now = 30.0
        bar.update(25)
        assert str(bar) == (
            "training: 45 of 120, 30 s, 0.8 images/s, about 90 s left"
        )
        bar.close()


def test_the_outermost_is_told(log):
    with command(log), progress_bar(desc="trying layers", total=3):
        with stage("converting"):
            wait_for(log, "trying layers: 0 of 3, 0 s")
    assert "converting" not in log.getvalue()


def test_what_can_not_be_counted_has_its_time(log):
    @stage("converting")
    def convert():
        wait_for(log, "converting: 0 s\n")

    with command(log):
        convert()
        convert()


def test_a_loop_that_is_left_is_told_no_more(log):
    with command(log):
        with pytest.raises(KeyError):
            for _ in progress_bar([1, 2], desc="lost"):
                raise KeyError
        with stage("next"):
            wait_for(log, "next")


@pytest.mark.parametrize("seconds, terminal", [("0.01", True), ("0", False)])
def test_no_lines(seconds, terminal, log, monkeypatch):
    """On a terminal there are the bars of tqdm."""
    log.isatty = lambda: terminal
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", seconds)
    with command(log):
        with progress_bar(desc="counting", total=7) as bar:
            bar.update(7)
            time.sleep(0.05)
    text = log.getvalue()
    assert ("counting: 100%" in text and "7/7" in text) == terminal
    assert "of 7" not in text


def test_a_library_is_silent(log):
    with contextlib.redirect_stderr(log):
        for _ in progress_bar(range(3), desc="counting"):
            time.sleep(0.03)
        with stage("converting"):
            pass
    assert log.getvalue() == ""


def test_an_interval_that_is_no_number(log, monkeypatch):
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", "often")
    with pytest.raises(ValueError, match="number of seconds.*'often'"):
        with command(log):
            pass
