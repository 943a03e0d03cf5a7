"""Fixtures shared by all tests."""

import os
import pathlib

import pytest


def _use_one_core():
    """Gives each process of a parallel run a core of its own.

    Otherwise each has as many threads as there are cores, which wait for each
    other by spinning.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        number = int(worker.removeprefix("gw"))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


# How long a test takes shall not decide what a command prints.
os.environ["KERAS_MOBILEVIT_PROGRESS_SECONDS"] = "0"
# Before anything is imported that starts threads.
_use_one_core()


def pytest_configure(config):
    # Keras itself warns so, with TensorFlow and NumPy 2, whenever it saves.
    config.addinivalue_line(
        "filterwarnings",
        "ignore:__array__ implementation doesn't accept a copy keyword"
        ":DeprecationWarning",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Every test, with its fixtures, draws the same numbers in each run."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def command():
    """Runs `keras-mobilevit` with any arguments; returns its exit status."""
    from keras_mobilevit.cli.main import main

    return lambda *argv: main([str(arg) for arg in argv])


@pytest.fixture(scope="session")
def shared_dir():
    """The folder of reference files that not every checkout has."""
    beside = pathlib.Path(__file__).resolve().parents[2] / "shared"
    path = pathlib.Path(os.environ.get("KERAS_MOBILEVIT_SHARED", beside))
    if not path.is_dir():
        pytest.skip("no reference files: KERAS_MOBILEVIT_SHARED is not set")
    return path
