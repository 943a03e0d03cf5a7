"""Parts of the deploy form; `test_reparameterization.py` has the whole."""

import numpy as np
from random_values import normal

from keras_mobilevit import layers


def test_unit_rms_norm():
    x = normal(2, 3, 8) + 1
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(
        np.array(layers.UnitRMSNorm()(x)), expected, atol=1e-6
    )
