"""A small trained model, and images to feed it."""

import keras
import numpy as np

import keras_mobilevit

SIZE = (64, 96)
LABELS = ("ant", "bee", "cow", "dog", "eel")


def make_model(size=SIZE):
    """The first five classes of the embedded checkpoint.

    Random weights would not do: either all images get the same answer to the
    fifth digit, however well the layers are quantized, or noise grows from
    layer to layer as in no trained network.
    """
    trained = keras_mobilevit.MobileViTXXS(
        weights="cifar10", input_shape=(*size, 3)
    )
    model = keras_mobilevit.MobileViTXXS(
        weights=None, input_shape=(*size, 3), classes=len(LABELS)
    )
    *features, kernel, bias = trained.get_weights()
    model.set_weights(
        [*features, kernel[:, : len(LABELS)], bias[: len(LABELS)]]
    )
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
