"""Expansions are cut into groups, and the outputs stay what they are."""

import numpy as np
import pytest
from expansion_graph import (
    HIDDEN,
    decibels,
    expansion_graph,
    kinds,
    make_inputs,
    stored,
    tensor_values,
)
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite.editing import remove_unused, replace_constant
from keras_mobilevit.tflite.flatbuffer import (
    op_name,
    read_model,
    write_model,
)
from keras_mobilevit.tflite.quantization.channel_groups import (
    best_cut,
    can_split,
    split_channels,
)
from keras_mobilevit.tflite.quantization.channels import channel_families
from keras_mobilevit.tflite.quantization.equalization import (
    representable_factors,
    scale_channels,
)

INPUTS = make_inputs()
ORDER = np.random.default_rng(2).permutation(HIDDEN)
GROUPS = [ORDER[:8], ORDER[8:]]


def split(data, name, groups, factors=None, behind=None):
    """Splits a family; first equalizes the one of the name `behind`."""
    model = read_model(data)
    families = channel_families(model)
    named = {family.name: family for family in families}
    if behind:
        scale_channels(model, named[behind], factors)
    split_channels(model, named[name], families, groups)
    remove_unused(model)
    return write_model(model)


# === The cut ===


def test_a_cut_between_two_levels_is_found():
    ranges = np.ones(24)
    wide = [1, 5, 6, 9, 13, 17, 20, 22]
    ranges[wide] = 100
    first, second = best_cut(ranges)
    assert sorted(first) == wide
    assert sorted(second) == sorted(set(range(24)) - set(wide))


def test_no_other_cut_leaves_less():
    """Groups of whole multiples of 8: the sum of all gaps is least."""
    ranges = 2 ** np.random.default_rng(3).uniform(-7, 0, 48)
    octaves = -np.sort(-np.log2(ranges))

    def gaps(cut):
        parts = octaves[:cut], octaves[cut:]
        return sum((part.max() - part).sum() for part in parts)

    found = best_cut(ranges)
    assert sorted(np.concatenate(found)) == list(range(48))
    assert len(found) == 2 and len(found[0]) % 8 == 0
    assert ranges[found[0]].min() >= ranges[found[1]].max()
    assert gaps(len(found[0])) == min(map(gaps, range(8, 48, 8)))


# === What can be split ===


def test_expansions_can_be_split_and_nothing_else(tiny_float):
    model = read_model(tiny_float)
    families = channel_families(model)
    found = {f.name for f in families if can_split(model, f, families)}
    assert found == {"stage0_ir/expand/mul", "stage1_ir/expand/mul"}
    # Nor those whose depthwise convolution's channels can not be reordered.
    without = [f for f in families if f.name != "stage0_ir/depthwise/mul"]
    found = {f.name for f in families if can_split(model, f, without)}
    assert found == {"stage1_ir/expand/mul"}


# === The split ===


def test_the_outputs_of_two_groups_are_those_of_one_layer():
    data = expansion_graph()
    found = split(data, "expand/conv/mul", GROUPS)
    outputs = [tensor_values(f, "reduce", INPUTS) for f in (data, found)]
    assert decibels(*outputs) > 110
    # Each half has its own five operations, and one joins them.
    assert len(kinds(found)) == len(kinds(data)) + 5 + 1
    assert kinds(found).count("CONCATENATION") == 1
    assert kinds(found).count("DEPTHWISE_CONV_2D") == 2
    for number, channels in enumerate(GROUPS):
        whole = tensor_values(data, "expand/conv/mul", INPUTS)
        part = tensor_values(found, f"expand/conv/groups/{number}/mul", INPUTS)
        np.testing.assert_allclose(part, whole[..., channels], rtol=1e-5)


def test_layers_that_share_a_bias_of_zeros():
    """As those of an untrained network do; each part has its own."""
    model = read_model(expansion_graph())
    (graph,) = model.subgraphs
    expand, depthwise = (
        next(op for op in graph.operators if op_name(model, op) == kind)
        for kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
    )
    replace_constant(model, expand.inputs[2], np.zeros(HIDDEN, np.float32))
    depthwise.inputs = [*depthwise.inputs[:2], expand.inputs[2]]
    remove_unused(model)
    data = write_model(model)
    found = split(data, "expand/conv/mul", GROUPS)
    outputs = [tensor_values(f, "reduce", INPUTS) for f in (data, found)]
    assert decibels(*outputs) > 110
    (graph,) = read_model(found).subgraphs
    names = [tensor.name for tensor in graph.tensors]
    assert len(set(names)) == len(names)


def test_the_reader_behind_takes_the_channels_in_the_new_order():
    data = expansion_graph()
    found = split(data, "expand/conv/mul", GROUPS)
    kernel = stored(data, "reduce/kernel")
    assert (stored(found, "reduce/kernel") == kernel[..., ORDER]).all()
    before, after = (
        tensor_values(f, "depthwise/conv", INPUTS) for f in (data, found)
    )
    np.testing.assert_allclose(after, before[..., ORDER], rtol=1e-5, atol=1e-5)


def test_factors_behind_a_split_are_reordered():
    """The constant that gives the sigmoid its input back is by channel."""
    data = expansion_graph()
    factors = representable_factors(
        2 ** np.random.default_rng(4).uniform(0, 6, HIDDEN)
    )
    found = split(
        *(data, "expand/conv/mul", GROUPS),
        factors=factors,
        behind="depthwise/conv/mul",
    )
    outputs = [tensor_values(f, "reduce", INPUTS) for f in (data, found)]
    assert decibels(*outputs) > 110
    gate = tensor_values(found, "depthwise/gate/conv", INPUTS)
    plain = tensor_values(data, "depthwise/conv", INPUTS)
    np.testing.assert_allclose(gate, plain[..., ORDER], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("equalized", [False, True])
@pytest.mark.parametrize("stage", ["stage0_ir", "stage1_ir"])
def test_the_inverted_residuals_of_a_network(tiny_float, stage, equalized):
    """One with a shortcut, one with a stride and padding."""
    rng = np.random.default_rng(5)
    order = rng.permutation(32)
    found = split(
        *(tiny_float, f"{stage}/expand/mul", [order[:24], order[24:]]),
        factors=representable_factors(2 ** rng.uniform(0, 5, 32)),
        behind=f"{stage}/depthwise/mul" if equalized else None,
    )
    images = [i[None] for i in make_images(3, TINY_SIZE, seed=5)]
    name = "predictions/fully_connected"
    outputs = [tensor_values(f, name, images) for f in (tiny_float, found)]
    assert decibels(*outputs) > 110
    assert kinds(found).count("DEPTHWISE_CONV_2D") == 3
