"""Resizing against plain NumPy."""

import keras
import numpy as np
import pytest
from numpy_resize import numpy_resize
from random_values import normal

from keras_mobilevit.layers.resizing import resize


@pytest.mark.parametrize(
    ("source", "target"),
    [((7, 5), (8, 6)), ((8, 6), (7, 5)), ((1, 13), (2, 14)), ((4, 3), (4, 4))],
)
def test_resize(source, target):
    x = normal(2, *source, 3)
    np.testing.assert_allclose(
        np.array(resize(x, target)), numpy_resize(x, target), atol=1e-5
    )


def test_resize_of_nothing_is_the_identity():
    x = keras.ops.convert_to_tensor(normal(1, 4, 6, 2))
    assert resize(x, (4, 6)) is x
