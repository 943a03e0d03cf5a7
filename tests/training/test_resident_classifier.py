"""A network with pictures in it: what of it is trained, averaged and saved."""

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_classifier import CLASSES, copies, one_hot

from keras_mobilevit.training.ema import ema_weights
from keras_mobilevit.training.optimizer import make_optimizer
from keras_mobilevit.training.recipe import Optimizer
from keras_mobilevit.training.resident.classifier import ResidentClassifier
from keras_mobilevit.training.state import (
    Position,
    restore_state,
    save_state,
)

SIDE = 32


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(
        0, 256, (200, SIDE, SIDE, 3), np.uint8
    )


def make_network(seed, dropout):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 4, 4, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(dropout, seed=1)(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def make_model(pictures, seed=0, dropout=0.5):
    network = make_network(seed, dropout)
    model = ResidentClassifier(network, pictures)
    config = Optimizer(ema_momentum=0.5)
    model.compile(
        make_optimizer(config, 0.01, network),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        jit_compile=False
        if keras.backend.backend() == "tensorflow"
        else "auto",
    )
    model.optimizer.build(model.trainable_variables)
    return model


def whole(indices, side=SIDE):
    """Samplings of whole pictures."""
    count = len(indices)
    middles = (np.arange(side, dtype="float32") + 0.5) * (SIDE / side)
    return {
        "index": np.array(indices, "int32"),
        "rows": np.tile(middles, (count, 1)),
        "columns": np.tile(middles, (count, 1)),
        "scale": np.full((count, 2), SIDE / side, "float32"),
        "length": np.full((count, 2), SIDE, "float32"),
    }


def test_samplings_and_images_give_the_same_answer(pictures):
    model = make_model(pictures)
    indices = [3, 199, 3, 0]
    found = copies([model(whole(indices))])[0]
    images = pictures[indices].astype("float32")
    np.testing.assert_allclose(found, copies([model(images)])[0], rtol=1e-5)
    expected = copies([model.network(images)])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert abs(found[0] - found[1]).max() > 1e-4


def test_a_step_is_the_one_that_the_images_themselves_make(pictures):
    """And a test between two steps takes images, as they come from a host."""
    outcomes = []
    indices = [5, 6, 7, 8, 9, 10]
    images = pictures[indices].astype("float32")
    for inputs in (whole(indices), images):
        model = make_model(pictures, dropout=0.0)
        model.fit(
            (batch for batch in [(inputs, one_hot(6))] * 2),
            shuffle=False,
            steps_per_epoch=2,
            validation_data=(images, one_hot(6)),
            verbose=0,
        )
        outcomes.append(copies(model.network.weights))
    start = copies(make_model(pictures, dropout=0.0).network.weights)
    assert len(start) == len(outcomes[0]) == 8
    for a, b, before in zip(*outcomes, start, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        assert (a != before).any()


def test_the_pictures_are_no_weights(pictures):
    model = make_model(pictures)
    own = {variable.path for variable in model.weights}
    assert own == {variable.path for variable in model.network.weights}
    assert len(model.get_weights()) == len(model.network.weights)
    assert all(v.dtype != "uint8" for v in model.trainable_variables)
    assert sum(v.dtype == "uint8" for v in model.variables) == 1
    with ema_weights(model):
        model.predict(whole([0]), verbose=0)
    np.testing.assert_array_equal(
        copies([model.pictures.pictures])[0], pictures
    )


def test_the_state_of_a_run_has_all_but_the_pictures(pictures, tmp_path):
    """Weights, moments and the seeds of dropout; 600 kB of pictures less."""
    path = tmp_path / "state.weights.h5"
    batch = whole([0, 1, 2]), one_hot(3)
    model = make_model(pictures)
    model.train_on_batch(*batch)
    save_state(model, Position(1, 2), path)
    assert path.stat().st_size < pictures.nbytes
    model.train_on_batch(*batch)

    other = make_model(pictures, seed=3)
    assert restore_state(other, path) == Position(1, 2)
    other.train_on_batch(*batch)
    for a, b in zip(
        copies(model.network.variables + model.optimizer.variables),
        copies(other.network.variables + other.optimizer.variables),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_positions_are_not_rounded_to_half_floats(pictures):
    """Between 16 and 32 the next half float is 1/64 of a pixel away."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make_model(pictures)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.network.compute_dtype == "float16"
    inputs = whole([0, 1], side=31)
    expected = copies([make_model(pictures).pictures(inputs)])[0]
    seen = []
    call = model.network.call
    model.network.call = lambda images, **options: (
        seen.append(copies([images])[0]),
        call(images, **options),
    )[1]
    model(inputs)
    # Whole numbers up to 255 are half floats.
    np.testing.assert_array_equal(seen[0], expected)


@pytest.mark.parametrize("side", [16, 48])
def test_two_resizes(pictures, side):
    """To 24 pixels first, by one sampling, and from there by the other."""
    model = make_model(pictures)
    inputs = whole([4], side=24)
    middles = (np.arange(side, dtype="float32") + 0.5) * (24 / side)
    inputs["enlarged_rows"] = inputs["enlarged_columns"] = middles[None]
    found = copies([model.pictures(inputs)])[0]

    image = Image.fromarray(pictures[4])
    for length in (24, side):
        image = image.resize((length, length), Image.Resampling.BILINEAR)
    assert found.shape == (1, side, side, 3)
    assert np.abs(found[0] - np.asarray(image)).max() <= 2
