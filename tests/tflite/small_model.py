"""A small model with lively random weights, and images to feed it."""

import keras
import numpy as np

import keras_mobilevit

SIZE = (64, 96)
LABELS = ("ant", "bee", "cow", "dog", "eel")


def make_model(size=SIZE, constructor=keras_mobilevit.MobileViTXXS, seed=0):
    """A model whose norms and batch statistics are not as at the start.

    At the start they let the signal fade to 1e-7, which no int8 scale fits.
    """
    model = constructor(
        weights=None, input_shape=(*size, 3), classes=len(LABELS)
    )
    state = np.random.RandomState(seed)
    for variable in model.weights:
        noise = state.standard_normal(variable.shape)
        name = variable.path.rpartition("/")[2]
        if name == "moving_variance":
            variable.assign(np.exp(0.3 * noise))
        elif name == "gamma":
            variable.assign(1 + 0.2 * noise)
        elif name in ("beta", "moving_mean", "bias"):
            variable.assign(0.2 * noise)
    # Small logits would make every class as likely and every answer a tie.
    dense = model.get_layer("predictions")
    dense.kernel.assign(state.standard_normal(dense.kernel.shape))
    return model


def make_images(count, size=SIZE, seed=0):
    """Smooth coloured textures: nearer to photographs than noise is."""
    state = np.random.RandomState(seed)
    images = []
    for _ in range(count):
        coarse = state.randint(0, 256, (1, 5, 5, 3)).astype(np.float32)
        image = keras.ops.image.resize(coarse, size)[0]
        images.append(keras.ops.convert_to_numpy(image).astype(np.uint8))
    return images
