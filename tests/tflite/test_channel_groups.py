"""Expansions are cut into groups, and the outputs stay what they are."""

import itertools

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
    GROUP_WIDTH,
    groups_of_like_range,
    most_groups,
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
    ranges = np.ones(48)
    wide = np.random.default_rng(0).permutation(48)[:16]
    ranges[wide] = 100
    first, second = groups_of_like_range(ranges, 2)
    assert sorted(first) == sorted(wide)
    assert sorted(second) == sorted(set(range(48)) - set(wide))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_no_other_cuts_leave_less(count):
    """Groups of whole widths: the sum of all gaps is least."""
    ranges = 2 ** np.random.default_rng(3).uniform(-7, 0, 96)
    octaves = -np.sort(-np.log2(ranges))

    def gaps(cuts):
        return sum((p.max() - p).sum() for p in np.split(octaves, cuts))

    found = groups_of_like_range(ranges, count)
    assert sorted(np.concatenate(found)) == list(range(96))
    assert len(found) == count
    assert not any(len(group) % GROUP_WIDTH for group in found)
    for wider, narrower in itertools.pairwise(found):
        assert ranges[wider].min() >= ranges[narrower].max()
    least = min(map(gaps, itertools.combinations(range(16, 96, 16), count - 1)))
    assert gaps(np.cumsum([len(g) for g in found])[:-1]) == pytest.approx(least)


def test_the_last_group_takes_the_channels_that_fill_no_width():
    found = groups_of_like_range(np.arange(1.0, 41), 2)
    assert sorted(len(group) % GROUP_WIDTH for group in found) == [0, 8]


# === What can be split ===


def test_expansions_can_be_split_and_nothing_else(tiny_float):
    model = read_model(tiny_float)
    families = channel_families(model)

    def splittable(known):
        return {f.name for f in families if most_groups(model, f, known) > 1}

    assert splittable(families) == {
        "stage0_ir/expand/mul",
        "stage1_ir/expand/mul",
    }
    # Nor those whose depthwise convolution's channels can not be reordered.
    without = [f for f in families if f.name != "stage0_ir/depthwise/mul"]
    assert splittable(without) == {"stage1_ir/expand/mul"}


def test_as_many_groups_as_fill_their_width():
    """16 channels fill one, so that there is nothing to split."""
    model = read_model(expansion_graph())
    families = channel_families(model)
    (expansion,) = (f for f in families if f.name == "expand/conv/mul")
    assert expansion.channels == HIDDEN == GROUP_WIDTH
    assert most_groups(model, expansion, families) == 1
    for channels, groups in ((31, 1), (32, 2), (40, 2), (96, 6)):
        expansion.channels = channels
        assert most_groups(model, expansion, families) == groups


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


def test_three_groups():
    data = expansion_graph()
    groups = [ORDER[:8], ORDER[8:12], ORDER[12:]]
    found = split(data, "expand/conv/mul", groups)
    outputs = [tensor_values(f, "reduce", INPUTS) for f in (data, found)]
    assert decibels(*outputs) > 110
    assert len(kinds(found)) == len(kinds(data)) + 2 * 5 + 1
    whole = tensor_values(data, "expand/conv/mul", INPUTS)
    for number, channels in enumerate(groups):
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
