"""Random arrays, and weights that are not those of a fresh model."""

import numpy as np


def normal(*shape, seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return values.astype(np.float32)


def pixels(*shape):
    image = np.random.default_rng(0).uniform(0, 255, shape)
    return image.astype(np.float32)


def randomize(model, seed=0, scale=0.3):
    """Moves every weight away from what a fresh layer would have."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            w + scale * np.abs(rng.normal(size=w.shape))
            for w in model.get_weights()
        ]
    )
