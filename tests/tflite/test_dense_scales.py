"""Dense layers with one scale for all of their int8 weights."""

import numpy as np
from edited import edited, named_tensors
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.compatibility.dense_scales import (
    merge_dense_scales,
)
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.op_versions import graph_runtime

_FULLY_CONNECTED = ("FullyConnectedOptions", {})


def _dense(activations, **bias):
    """Two rows of weights, (100, -50) of 0.02 and (-127, 3) of 0.1."""
    types = {"scale": 0.5, "zero_point": 3} if activations == "int8" else {}
    tensors = {
        "x": Tensor((1, 2), activations, **types),
        "w": Tensor(
            (2, 2), "int8", scale=(0.02, 0.1), values=[[100, -50], [-127, 3]]
        ),
        "b": Tensor((2,), values=[5, -7], **bias),
        "y": Tensor((1, 2), activations, **types),
    }
    node = ("FULLY_CONNECTED", ["x", "w", "b"], ["y"], _FULLY_CONNECTED)
    return micro_model(tensors, [node])


def test_rows_take_the_scale_of_the_largest_weight():
    tensors = named_tensors(edited(merge_dense_scales, _dense("float32")))
    weights, values = tensors["w"]
    # The largest is 12.7: its scale is 0.1, of which 2 and -1 are 20 and -10.
    np.testing.assert_allclose(weights.quantization.scale, [0.1], rtol=1e-6)
    np.testing.assert_array_equal(weights.quantization.zeroPoint, [0])
    np.testing.assert_array_equal(values, [[20, -10], [-127, 3]])
    np.testing.assert_array_equal(tensors["b"][1], [5, -7])


def test_integer_biases_take_the_scale_of_the_products():
    model = _dense("int8", dtype="int32", scale=(0.01, 0.05))
    bias, values = named_tensors(edited(merge_dense_scales, model))["b"]
    # 0.5 * 0.1; 5 * 0.01 is 1 of it, and -7 * 0.05 is what it was.
    np.testing.assert_allclose(bias.quantization.scale, [0.05], rtol=1e-6)
    np.testing.assert_array_equal(values, [1, -7])


def test_no_older_runtime_is_misled_any_more():
    before, after = (
        _dense("float32"),
        edited(merge_dense_scales, _dense("float32")),
    )
    assert graph_runtime(read_graph(before)) == "2.17.0"
    assert graph_runtime(read_graph(after)) == "1.5.0"


def test_weights_that_layers_share_are_merged_once():
    tensors = {
        "x": Tensor((1, 2)),
        "w": Tensor(
            (2, 2), "int8", scale=(0.02, 0.1), values=[[100, 0], [9, 127]]
        ),
        "y": Tensor((1, 2)),
        "z": Tensor((1, 2)),
    }
    nodes = [
        ("FULLY_CONNECTED", [source, "w"], [target], _FULLY_CONNECTED)
        for source, target in ("xy", "yz")
    ]
    _, values = named_tensors(
        edited(merge_dense_scales, micro_model(tensors, nodes))
    )["w"]
    np.testing.assert_array_equal(values, [[20, 0], [9, 127]])


def test_weights_that_are_zero_stay_so():
    tensors = {
        "x": Tensor((1, 2)),
        "w": Tensor((2, 2), "int8", scale=(0.1, 0.2), values=0),
        "y": Tensor((1, 2)),
    }
    node = ("FULLY_CONNECTED", ["x", "w"], ["y"], _FULLY_CONNECTED)
    weights, values = named_tensors(
        edited(merge_dense_scales, micro_model(tensors, [node]))
    )["w"]
    assert not values.any() and weights.quantization.scale > 0
