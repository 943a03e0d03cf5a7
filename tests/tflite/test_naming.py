"""Tensor names: short, unique, after the layers; nothing else changes."""

import re

import keras
import numpy as np
import pytest
from edited import edited
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import op_name, read_model
from keras_mobilevit.tflite.naming import shorten_names

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def graph_of(data):
    model = read_model(data)
    (graph,) = model.subgraphs
    return model, graph


def names_of(data):
    return [tensor.name.decode() for tensor in graph_of(data)[1].tensors]


@pytest.fixture(scope="module")
def layers():
    """Layers `stem` and `block`, and in that `conv_1` and `norm`."""
    block = keras.Sequential(
        [
            keras.layers.Conv2D(3, 1, name="conv_1"),
            keras.layers.BatchNormalization(name="norm"),
        ],
        name="block",
    )
    stem = keras.layers.Conv2D(3, 1, name="stem")
    return keras.Sequential([keras.Input((2, 2, 3)), stem, block], name="net")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # TensorFlow numbers a scope that it enters again.
        ("net_1/stem_1/convolution", "stem/relu"),
        ("net/block/norm_12/add", "block/norm/relu"),
        # This number is the layer's own.
        ("net/block/conv_1/convolution", "block/conv_1/relu"),
        # What was fused shares only the outer layer, or none.
        ("net/block/conv_1/add;net/block/norm/mul", "block/relu"),
        ("net/stem/add;net/block/norm/mul;", "relu"),
        # Parts that are no layers: skipped in front, the end behind.
        ("a/b/stem/c/block/d", "stem/relu"),
        ("StatefulPartitionedCall", "relu"),
        # The last part is the operation, be it called like a layer.
        ("net/block/norm", "block/relu"),
        ("net/block/fold_1/reshape", "block/fold/relu"),
    ],
)
def test_names_of_outputs(layers, given, expected):
    tensor = Tensor((1, 2, 2, 3))
    data = micro_model(
        {"x": tensor, given: tensor, "y": tensor},
        [("RELU", ["x"], [given], None), ("RELU", [given], ["y"], None)],
        signature="serve",
    )
    # `micro_model` calls the ends of the signature so.
    assert names_of(edited(shorten_names, data, layers)) == [
        "x_name",
        expected,
        "y_name",
    ]


def test_names_of_constants_and_of_equals(layers):
    """One constant serves two operations, two operations are called alike."""
    tensor = Tensor((1, 2, 2, 3))
    tensors = {
        "x": tensor,
        "w": Tensor((3, 1, 1, 3), values=1),
        "b": Tensor((3,), values=0),
        "net/stem/conv": tensor,
        "c": Tensor((3,), values=2),
        "net/stem/add": tensor,
        "net/stem/add_1": tensor,
        "y": tensor,
    }
    conv = ("Conv2DOptions", {"strideW": 1, "strideH": 1})
    add = ("AddOptions", {})
    data = micro_model(
        tensors,
        [
            ("CONV_2D", ["x", "w", "b"], ["net/stem/conv"], conv),
            ("ADD", ["c", "net/stem/conv"], ["net/stem/add"], add),
            ("ADD", ["net/stem/add", "c"], ["net/stem/add_1"], add),
            ("RELU", ["net/stem/add_1"], ["y"], None),
        ],
        signature="serve",
    )
    assert names_of(edited(shorten_names, data, layers)) == [
        "x_name",
        "stem/conv_2d/kernel",
        "stem/conv_2d/bias",
        "stem/conv_2d",
        "stem/add/constant",
        "stem/add",
        "stem/add_1",
        "y_name",
    ]


def test_only_names_change(layers):
    tensor = Tensor((1, 2, 2, 3))
    data = micro_model(
        {"x": tensor, "c": Tensor((3,), values=(1, 2, 3)), "y": tensor},
        [("ADD", ["x", "c"], ["y"], ("AddOptions", {}))],
        signature="serve",
        metadata={"min_runtime_version": b"1.5.0"},
    )
    renamed = graph_of(edited(shorten_names, data, layers))[0]
    for tensor in renamed.subgraphs[0].tensors:
        tensor.name = b"?"
    original = graph_of(data)[0]
    for tensor in original.subgraphs[0].tensors:
        tensor.name = b"?"
    assert plain(renamed) == plain(original)


def plain(value):
    """An object of the schema as dictionaries and lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if hasattr(value, "__dict__"):
        return {name: plain(entry) for name, entry in vars(value).items()}
    return value


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_whole_model(files, recipe):
    model, graph = graph_of(files[recipe].read_bytes())
    names = [tensor.name.decode() for tensor in graph.tensors]
    assert len(set(names)) == len(names) > 500
    assert all(re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_]+)*", n) for n in names)
    for op in graph.operators:
        if op_name(model, op) in WEIGHTED:
            _, *operands = [names[i] for i in op.inputs if i >= 0]
            output = names[op.outputs[0]]
            expected = [f"{output}/kernel", f"{output}/bias"]
            # Softmax makes nothing of an offset of the keys, and that of the
            # values passes into the next layer.
            if re.search("/(key|value)/", output):
                expected.pop()
            assert operands == expected
    # Blocks and layers, as the Keras model calls them.
    for name in (
        "stem/conv_2d/kernel",
        "stage4_block/transformer_3/dense1/fully_connected/bias",
        "stage3_block/fold/depth_to_space",
        "stage1_ir/depthwise/depthwise_conv_2d",
    ):
        assert name in names
