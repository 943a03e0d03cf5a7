"""What is frozen stays frozen in copies, files and deploy forms."""

import keras
import numpy as np
import pytest
from random_values import pixels

from keras_mobilevit import MobileViTXXS, layers, reparameterize
from keras_mobilevit.detection.layers import SSDConvBlock

SIZE = (32, 32, 3)


def save_and_load(model, folder):
    model.save(folder / "a.keras")
    return keras.saving.load_model(folder / "a.keras")


def clone(model, folder):
    return keras.models.clone_model(model)


def reparameterized(model, folder):
    return reparameterize(model)


COPIES = [save_and_load, clone, reparameterized]


def composed(backbone):
    """The backbone as one layer of another model."""
    inputs = keras.Input(SIZE)
    x = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def sequence(backbone):
    pool = keras.layers.GlobalAveragePooling2D()
    parts = [keras.Input(SIZE), backbone, pool, keras.layers.Dense(2)]
    return keras.Sequential(parts)


def joined(backbone):
    """All layers of the backbone in the model itself."""
    x = keras.layers.GlobalAveragePooling2D()(backbone.output)
    return keras.Model(backbone.input, keras.layers.Dense(2)(x))


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    model = MobileViTXXS(weights=None, include_top=False, input_shape=SIZE)
    model.trainable = False
    return model


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("compose", [composed, sequence, joined])
def test_a_frozen_backbone_stays_frozen(backbone, compose, copy, tmp_path):
    """As with keras.applications, only kernel and bias of the Dense train."""
    model = copy(compose(backbone), tmp_path)
    assert [w.path.rpartition("/")[2] for w in model.trainable_variables] == [
        "kernel",
        "bias",
    ]


def test_training_goes_on_where_it_was_saved(tmp_path):
    """The second epoch is the same in one go and from a file.

    It only is if the file restores the state of the optimizer, and if the
    batch norms of the backbone use the statistics that they have.
    """
    inputs = keras.Input((8, 8, 3))
    x = layers.ConvBlock(4, 3, 2)(inputs)
    backbone = keras.Model(inputs, layers.MobileViTBlock(8, depth=1)(x))
    backbone.trainable = False
    x = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    model.compile("adam", "mse")
    x, y = pixels(8, 8, 8, 3), np.eye(2)[np.arange(8) % 2]
    before = backbone.get_weights()
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    loaded = save_and_load(model, tmp_path)
    found, expected = (m.optimizer.variables for m in (loaded, model))
    # Step, learning rate, and two moments of kernel and bias.
    assert len(found) == len(expected) == 6
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    for each in (model, loaded):
        each.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    after = loaded.layers[1].get_weights()
    for a, b in zip(after, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_heads_of_dense_networks_stay_frozen():
    inputs = keras.Input((8, 8, 4))
    x = SSDConvBlock(6, kernel_size=3, strides=2)(inputs)
    x = layers.ASPP(4, rates=(1, 2))(x)
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(x))
    for layer in model.layers[:-1]:
        layer.trainable = False
    assert len(clone(model, None).trainable_variables) == 2


def test_frozen_batch_norms_stay_frozen():
    """In all blocks, as for training on batches of a few images."""
    model = MobileViTXXS(weights=None, classes=2, input_shape=SIZE)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    model = clone(model, None)
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 32
    assert not any(norm.trainable for norm in norms)
    paths = {w.path.rpartition("/")[2] for w in model.trainable_variables}
    assert "kernel" in paths
    assert "moving_mean" not in paths


def test_the_deploy_form_of_a_frozen_block_is_frozen():
    block = layers.MobileViTBlock(8, depth=1)
    block.build((None, 8, 8, 4))
    block.trainable = False
    folded = layers.InferenceMobileViTBlock.from_block(block)
    assert not any(each.trainable for each in folded._flatten_layers())
