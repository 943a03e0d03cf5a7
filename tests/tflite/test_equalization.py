"""Channels are scaled, and the outputs stay what they are."""

import numpy as np
import pytest
from expansion_graph import (
    HIDDEN,
    WIDTH,
    decibels,
    expansion_graph,
    kinds,
    make_inputs,
    stored,
    tensor_values,
)
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.quantization.channels import channel_families
from keras_mobilevit.tflite.quantization.equalization import (
    gate_name,
    is_gate,
    representable_factors,
    scale_channels,
)

FACTORS = representable_factors(
    2 ** np.random.default_rng(1).uniform(0, 6.9, HIDDEN)
)
INPUTS = make_inputs()


def scaled(data, which, factors):
    model = read_model(data)
    family = channel_families(model)[which]
    scale_channels(model, family, factors)
    return write_model(model)


@pytest.mark.parametrize(
    ("which", "name"), [(0, "expand/conv"), (1, "depthwise/conv")]
)
def test_channels_are_multiplied_and_outputs_are_not(which, name):
    data = expansion_graph()
    found = scaled(data, which, FACTORS)
    for tensor in (name, f"{name}/mul"):
        before, after = (
            tensor_values(file, tensor, INPUTS) for file in (data, found)
        )
        np.testing.assert_allclose(
            after, before * FACTORS, rtol=2e-5, atol=1e-5
        )
    # The sigmoid reads what it did.
    for tensor in (name, f"{name}/logistic"):
        seen = gate_name(tensor) if tensor == name else tensor
        before = tensor_values(data, tensor, INPUTS)
        after = tensor_values(found, seen, INPUTS)
        np.testing.assert_allclose(after, before, rtol=2e-5, atol=1e-5)
    outputs = [tensor_values(file, "reduce", INPUTS) for file in (data, found)]
    assert decibels(*outputs) > 110
    assert len(kinds(found)) == len(kinds(data)) + 1


def test_kernels_and_biases_take_the_factors():
    data = expansion_graph()
    found = scaled(data, 0, FACTORS)
    for name, factors in (
        ("expand/kernel", FACTORS.reshape(-1, 1, 1, 1)),
        ("expand/bias", FACTORS),
        ("depthwise/kernel", 1 / FACTORS),
        ("depthwise/bias", 1),
        ("reduce/kernel", 1),
    ):
        np.testing.assert_allclose(
            stored(found, name), stored(data, name) * factors, rtol=1e-6
        )
    # All lines of pixels have the same factors.
    inverse = stored(found, "expand/gate/conv/constant")
    assert inverse.shape == (1, 1, WIDTH, HIDDEN)
    np.testing.assert_allclose(
        inverse, np.broadcast_to(1 / FACTORS, inverse.shape), rtol=1e-6
    )


@pytest.mark.parametrize("which", range(9))
def test_every_family_of_a_network(tiny_float, which):
    """Sums, padding, concatenations and means among them."""
    size = channel_families(read_model(tiny_float))[which].channels
    rng = np.random.default_rng(which)
    factors = representable_factors(2 ** rng.uniform(0, 5, size))
    found = scaled(tiny_float, which, factors)
    images = [i[None] for i in make_images(3, TINY_SIZE, seed=5)]
    name = "predictions/fully_connected"
    outputs = [tensor_values(f, name, images) for f in (tiny_float, found)]
    assert decibels(*outputs) > 110


def test_factors_have_inverses_in_int8():
    """The largest over whole numbers up to 127, near to what was asked for."""
    wanted = 2 ** np.linspace(0, 6.9, 40)
    found = representable_factors(wanted)
    steps = found.max() / found
    assert found.max() == wanted.max()
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert 1 <= steps.min() and steps.max() <= 127
    # Rounding a quotient q moves it by at most 0.5 / q.
    ratios = wanted.max() / wanted
    assert (np.abs(steps - ratios) <= 0.5 + 1e-9).all()


def test_factors_beyond_127_are_kept_within():
    found = representable_factors(np.array([1.0, 2.0, 1000.0]))
    assert found.tolist() == [1000 / 127, 1000 / 127, 1000]
    alike = np.full(5, 3.0)
    assert representable_factors(alike).tolist() == alike.tolist()


def test_names_of_gates():
    assert gate_name("stage0/expand/conv_2d") == "stage0/expand/gate/conv_2d"
    assert is_gate(gate_name("a/b")) and not is_gate("a/b")
