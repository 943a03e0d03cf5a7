"""Fixtures shared by all tests."""

import os
import pathlib

import pytest


def pytest_configure(config):
    # Keras itself warns so, with TensorFlow and NumPy 2, whenever it saves.
    config.addinivalue_line(
        "filterwarnings",
        "ignore:__array__ implementation doesn't accept a copy keyword"
        ":DeprecationWarning",
    )


@pytest.fixture(scope="session")
def shared_dir():
    """The folder of reference files that not every checkout has."""
    beside = pathlib.Path(__file__).resolve().parents[2] / "shared"
    path = pathlib.Path(os.environ.get("KERAS_MOBILEVIT_SHARED", beside))
    if not path.is_dir():
        pytest.skip("no reference files: KERAS_MOBILEVIT_SHARED is not set")
    return path
