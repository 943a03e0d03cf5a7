"""What tests of checkpoints assert of whole models."""

import numpy as np
import pytest

from keras_mobilevit.checkpoints import load_weights, read_weights


def assert_same(left, right):
    """Both hold the same arrays under the same names."""
    assert left.keys() == right.keys()
    for path, array in left.items():
        np.testing.assert_array_equal(array, right[path], path)


def assert_refused(model, path, match, error=ValueError):
    """Loading raises and leaves every weight of the model as it was."""
    before = read_weights(model)
    with pytest.raises(error, match=match):
        load_weights(model, path)
    assert_same(before, read_weights(model))
