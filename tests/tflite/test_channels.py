"""Which tensors share their channels, on graphs put together by hand."""

import numpy as np
import pytest
from expansion_graph import (
    CONV,
    HIDDEN,
    expansion_graph,
    expansion_nodes,
    expansion_tensors,
    silu,
)
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import op_name, read_model, tensor_name
from keras_mobilevit.tflite.quantization.channels import channel_families

READERS = "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"
RELU = {"fusedActivationFunction": 1}
MAP, WIDE = (1, 4, 4, 6), (1, 4, 4, 12)


def families(data):
    """Name -> names of tensors, of writers, of readers with offsets."""
    model = read_model(data)
    (graph,) = model.subgraphs

    def output(op):
        return tensor_name(graph, int(op.outputs[0]))

    return {
        family.name: (
            {tensor_name(graph, t) for t in family.tensors},
            {output(w.product): w.is_linear for w in family.writers},
            {output(r.product): r.offset for r in family.readers},
        )
        for family in channel_families(model)
    }


def conv(source, kernel, output, activation=0):
    options = CONV[0], {**CONV[1], "fusedActivationFunction": activation}
    return ("CONV_2D", [source, kernel], [output], options)


def kernel(outputs, inputs=6):
    values = np.ones((outputs, 1, 1, inputs))
    return Tensor(values.shape, values=values)


def chain(*middle, joined=6, extra=()):
    """Operations between two convolutions, from `a` to `b`."""
    tensors = {
        "x": Tensor(MAP),
        "k0": kernel(6),
        "k1": kernel(5, joined),
        "a": Tensor(MAP),
        "b": Tensor(MAP),
        "y": Tensor((1, 4, 4, 5)),
        **dict(extra),
    }
    nodes = [
        conv("x", "k0", "a"),
        *middle,
        conv("b" if middle else "a", "k1", "y"),
    ]
    return micro_model(tensors, nodes)


def test_an_expansion_and_what_is_behind_its_depthwise_convolution():
    found = families(expansion_graph())
    assert found == {
        "expand/conv/mul": (
            {"expand/conv/mul", "expand/conv", "pad"},
            {"expand/conv": False},
            {"depthwise/conv": 0},
        ),
        "depthwise/conv/mul": (
            {"depthwise/conv/mul", "depthwise/conv"},
            {"depthwise/conv": False},
            {"reduce": 0},
        ),
    }
    sizes = [
        f.channels for f in channel_families(read_model(expansion_graph()))
    ]
    assert sizes == [HIDDEN, HIDDEN]


def test_a_sum_has_the_channels_of_both_of_its_terms():
    found = families(
        chain(
            conv("x", "k2", "c"),
            ("ADD", ["a", "c"], ["b"], ("AddOptions", {})),
            extra={"k2": kernel(6), "c": Tensor(MAP)}.items(),
        )
    )
    assert found == {
        "a": ({"a", "b", "c"}, {"a": True, "c": True}, {"y": 0}),
    }


@pytest.mark.parametrize("axis", [3, -1])
def test_readers_of_a_concatenation_have_an_offset(axis):
    options = ("ConcatenationOptions", {"axis": axis})
    data = chain(
        conv("x", "k2", "c"),
        ("CONCATENATION", ["a", "c"], ["b"], options),
        joined=12,
        extra={"k2": kernel(6), "c": Tensor(MAP), "b": Tensor(WIDE)}.items(),
    )
    assert families(data) == {
        "a": ({"a"}, {"a": True}, {"y": 0}),
        "c": ({"c"}, {"c": True}, {"y": 6}),
    }


def test_means_over_the_image_pass_on_to_a_dense_layer():
    data = micro_model(
        {
            "x": Tensor(MAP),
            "k0": kernel(6),
            "a": Tensor(MAP),
            "axes": Tensor((2,), "int32", values=(1, 2)),
            "m": Tensor((1, 6)),
            "w": Tensor((5, 6), values=1),
            "y": Tensor((1, 5)),
        },
        [
            conv("x", "k0", "a"),
            ("MEAN", ["a", "axes"], ["m"], ("ReducerOptions", {})),
            (
                "FULLY_CONNECTED",
                ["m", "w"],
                ["y"],
                ("FullyConnectedOptions", {}),
            ),
        ],
    )
    assert families(data) == {"a": ({"a", "m"}, {"a": True}, {"y": 0})}


@pytest.mark.parametrize(
    ("middle", "extra"),
    [
        (("RELU6", ["a"], ["b"], None), {}),
        (("TANH", ["a"], ["b"], None), {}),
        (("MUL", ["a", "a"], ["b"], ("MulOptions", {})), {}),
        # Another term that nothing scales: the input, and a constant.
        (("ADD", ["a", "x"], ["b"], ("AddOptions", {})), {}),
        (
            ("ADD", ["a", "c"], ["b"], ("AddOptions", {})),
            {"c": Tensor(MAP, values=1)},
        ),
        (
            ("ADD", ["a", "a"], ["b"], ("AddOptions", RELU)),
            {},
        ),
        # The channels themselves are averaged.
        (
            ("MEAN", ["a", "c"], ["b"], ("ReducerOptions", {"keepDims": True})),
            {
                "c": Tensor((1,), "int32", values=(3,)),
                "b": Tensor((1, 4, 4, 1)),
            },
        ),
        # Along the rows, offsets mean nothing.
        (
            (
                "CONCATENATION",
                ["a", "x"],
                ["b"],
                ("ConcatenationOptions", {"axis": 1}),
            ),
            {"b": Tensor((1, 8, 4, 6))},
        ),
    ],
    ids=[
        *("relu6", "tanh", "square", "input", "constant", "relu"),
        *("mean", "rows"),
    ],
)
def test_what_is_not_linear_in_each_channel_ends_a_family(middle, extra):
    assert set(families(chain())) == {"a"}
    assert families(chain(middle, extra=extra.items())) == {}


def test_outputs_of_the_graph_are_in_no_family():
    """Else their values would be scaled."""
    data = chain()
    model = read_model(data)
    (graph,) = model.subgraphs
    assert len(channel_families(model)) == 1
    graph.outputs = [*graph.outputs, int(graph.operators[0].outputs[0])]
    assert channel_families(model) == []


def test_convolutions_with_an_activation_can_not_be_scaled():
    tensors = expansion_tensors()
    kinds = []
    for fused in (0, 1):
        nodes = expansion_nodes()
        name, inputs, outputs, options = nodes[0]
        changed = {**options[1], "fusedActivationFunction": fused}
        nodes[0] = name, inputs, outputs, (options[0], changed)
        kinds.append(set(families(micro_model(tensors, nodes))))
    assert kinds == [
        {"expand/conv/mul", "depthwise/conv/mul"},
        {"depthwise/conv/mul"},
    ]


@pytest.mark.parametrize("bias", ["zeros", "ones"])
def test_layers_may_share_a_bias_of_zeros_and_no_other(bias):
    tensors = expansion_tensors()
    values = getattr(np, bias)(HIDDEN)
    tensors["expand/bias"] = Tensor((HIDDEN,), values=values)
    del tensors["depthwise/bias"]
    nodes = [
        (kind, [i.replace("depthwise/bias", "expand/bias") for i in x], y, o)
        for kind, x, y, o in expansion_nodes()
    ]
    found = set(families(micro_model(tensors, nodes)))
    both = {"expand/conv/mul", "depthwise/conv/mul"}
    assert found == (both if bias == "zeros" else set())


@pytest.mark.parametrize(
    ("kernels", "expected"),
    [
        (("k0", "k1", "k2"), {"a", "b"}),
        (("k0", "k0", "k1"), set()),
        (("k0", "k1", "k1"), set()),
    ],
)
def test_layers_that_share_a_kernel_are_left_alone(kernels, expected):
    names = ("x", "a", "b", "y")
    tensors = {name: Tensor(MAP) for name in names}
    tensors |= {name: kernel(6) for name in kernels}
    nodes = [
        conv(*step) for step in zip(names[:-1], kernels, names[1:], strict=True)
    ]
    assert set(families(micro_model(tensors, nodes))) == expected


def test_grouped_convolutions_are_left_alone():
    """Their filters see a part of the channels."""
    assert set(families(chain())) == {"a"}
    data = chain(extra={"k1": kernel(5, 3)}.items())
    assert families(data) == {}


def test_a_sigmoid_that_is_read_elsewhere_is_no_silu():
    tensors = {
        "x": Tensor(MAP),
        "k0": kernel(6),
        **{n: Tensor(MAP) for n in ("a", "a/logistic", "a/mul", "b")},
        "k1": kernel(5),
        "y": Tensor((1, 4, 4, 5)),
    }
    nodes = [conv("x", "k0", "a"), *silu("a"), conv("a/mul", "k1", "y")]
    assert set(families(micro_model(tensors, nodes))) == {"a/mul"}
    nodes.append(("TANH", ["a/logistic"], ["b"], None))
    assert families(micro_model(tensors, nodes)) == {}


def test_the_families_of_a_network(tiny_float):
    found = families(tiny_float)
    assert list(found) == [
        "stem/mul",
        *("stage0_ir/expand/mul", "stage0_ir/depthwise/mul"),
        *("stage1_ir/expand/mul", "stage1_ir/depthwise/mul"),
        "stage1_ir/reduce/conv_2d",
        *("stage2_block/local/mul", "stage2_block/project_out/mul"),
        "stage2_block/fusion/mul",
    ]
    # The shortcut joins stem and residual.
    tensors, writers, readers = found["stem/mul"]
    assert "stage0_ir/add" in tensors
    assert writers == {"stem/conv_2d": False, "stage0_ir/reduce/conv_2d": True}
    assert set(readers) == {
        "stage0_ir/expand/conv_2d",
        "stage1_ir/expand/conv_2d",
    }
    # The concatenation has the input of the block before its outcome.
    for name, offset in (
        ("stage1_ir/reduce/conv_2d", 0),
        ("stage2_block/project_out/mul", 12),
    ):
        assert found[name][2]["stage2_block/fusion/conv_2d"] == offset
    model = read_model(tiny_float)
    for family in channel_families(model):
        for reader in family.readers:
            assert op_name(model, reader.product) in READERS
