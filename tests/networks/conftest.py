"""The constructors of all variants, and a small classifier."""

import keras
import pytest

from keras_mobilevit import MobileViTS, MobileViTXS, MobileViTXXS

CONSTRUCTORS = {
    "mobilevit_xxs": MobileViTXXS,
    "mobilevit_xs": MobileViTXS,
    "mobilevit_s": MobileViTS,
}


@pytest.fixture(scope="module", params=CONSTRUCTORS)
def variant(request):
    return request.param


@pytest.fixture(scope="module")
def constructor(variant):
    return CONSTRUCTORS[variant]


@pytest.fixture(scope="session")
def small():
    """A classifier that runs fast, with weights that tell inputs apart."""
    keras.utils.set_random_seed(0)
    return MobileViTXXS(weights=None, input_shape=(32, 32, 3), classes=7)
