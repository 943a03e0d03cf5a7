"""Fixtures for the tests of checkpoints."""

import numpy as np
import pytest
import synthetic

from keras_mobilevit.mobilevit import MobileViTXXS


@pytest.fixture(scope="session")
def checkpoint():
    return synthetic.Checkpoint()


@pytest.fixture(scope="session")
def build():
    """Builds a small MobileViTXXS without preprocessing."""

    def build(**kwargs):
        kwargs = {"classes": synthetic.CLASSES, **kwargs}
        return MobileViTXXS(
            include_preprocessing=False,
            weights=None,
            input_shape=(64, 64, 3),
            classifier_activation=None,
            **kwargs,
        )

    return build


@pytest.fixture(scope="session")
def shared_model(build):
    return build()


@pytest.fixture
def model(shared_model):
    """A classifier with known random weights, new in every test."""
    rng = np.random.default_rng(1)
    for variable in shared_model.weights:
        variable.assign(rng.uniform(0.01, 0.1, variable.shape))
    return shared_model
