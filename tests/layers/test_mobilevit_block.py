"""The MobileViT block against plain NumPy: tokens, and resizing for them."""

import keras
import numpy as np
import pytest
from numpy_resize import numpy_resize
from random_values import normal, randomize

from keras_mobilevit import layers
from keras_mobilevit.layers.mobilevit_block import fold, unfold


def loop_unfold(x, patch):
    """Section 1.3 of the reference notes, one pixel at a time."""
    batch, height, width, dim = x.shape
    rows, cols = height // patch, width // patch
    tokens = np.zeros((batch * patch**2, rows * cols, dim), x.dtype)
    for b in range(batch):
        for h in range(height):
            for w in range(width):
                offset = (h % patch) * patch + w % patch
                token = (h // patch) * cols + w // patch
                tokens[b * patch**2 + offset, token] = x[b, h, w]
    return tokens


@pytest.mark.parametrize(
    ("shape", "patch"),
    [
        ((2, 4, 6, 3), 2),
        ((1, 6, 9, 2), 3),
        ((3, 4, 2, 1), 1),
        ((1, 2, 2, 5), 2),
    ],
)
def test_unfold_and_fold(shape, patch):
    x = normal(*shape)
    tokens = np.array(unfold(x, patch))
    np.testing.assert_array_equal(tokens, loop_unfold(x, patch))
    np.testing.assert_array_equal(fold(tokens, shape[1:3], patch), x)


@pytest.mark.parametrize("size", [(7, 5), (4, 5), (3, 4), (4, 6)])
def test_block_resizes_around_the_tokens(size):
    """The resize wraps unfold and fold: not the convolutions."""
    block = layers.MobileViTBlock(8, depth=1, num_heads=2)
    x = normal(2, *size, 4)
    block(x)
    randomize(block)
    padded = tuple(side + side % 2 for side in size)

    y = np.array(block.project_in(block.local(x)))
    tokens = loop_unfold(numpy_resize(y, padded).astype(np.float32), 2)
    for layer in block.transformer:
        tokens = layer(tokens)
    tokens = np.array(block.norm(tokens))
    maps = np.zeros((2, *padded, 8), np.float32)
    index = loop_unfold(np.arange(maps.size).reshape(maps.shape), 2)
    maps.reshape(-1)[index] = tokens
    y = numpy_resize(maps, size).astype(np.float32)
    y = np.concatenate([x, np.array(block.project_out(y))], axis=-1)
    expected = np.array(block.fusion(y))
    np.testing.assert_allclose(
        np.array(block(x)), expected, atol=1e-5 * abs(expected).max()
    )


def test_offsets_in_a_patch_do_not_mix():
    block = layers.MobileViTBlock(8, depth=2, num_heads=2)
    x = normal(1, 6, 6, 8)
    block(normal(1, 6, 6, 4))
    randomize(block, scale=0.1)
    before = np.array(block.attend(x))
    x[0, 2, 3, 0] += 1.0
    changed = np.any(np.array(block.attend(x)) != before, axis=-1)[0]
    expected = np.zeros((6, 6), bool)
    expected[0::2, 1::2] = True
    np.testing.assert_array_equal(changed, expected)


def test_predict_at_one_size_after_another():
    """Keras traces the second size as an unknown one."""
    image = keras.Input((None, None, 4))
    block = layers.MobileViTBlock(8, depth=1, num_heads=2)
    model = keras.Model(image, block(image))
    model.compile(jit_compile=False)
    for size in ((8, 8), (7, 5), (6, 9)):
        x = normal(2, *size, 4)
        found = model.predict(x, verbose=0)
        np.testing.assert_allclose(found, np.array(model(x)), atol=1e-5)
