"""The tiny model with an expansion whose channels differ a hundredfold."""

import re

import numpy as np
from small_model import make_images
from tiny_model import TINY_SIZE, make_tiny_model

UNEVEN_LAYER = "stage0_ir"


def make_uneven_tiny_model():
    """The batch norm behind the depthwise convolution evens them out."""
    model = make_tiny_model()
    factors = np.random.default_rng(1).permutation(np.geomspace(0.5, 50, 32))
    for weight in model.get_layer(UNEVEN_LAYER).weights:
        if re.search(r"expand/norm/(gamma|beta)$", weight.path):
            weight.assign(np.array(weight) * factors)
    # `enliven` left a momentum of 0: one batch sets the statistics anew.
    model([np.stack(make_images(32, TINY_SIZE))], training=True)
    return model
