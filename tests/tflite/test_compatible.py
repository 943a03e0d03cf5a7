"""Files for older runtimes: what is rewritten, what stays, what is refused."""

import numpy as np
import pytest
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.compatibility.dense_scales import (
    merge_dense_scales,
)
from keras_mobilevit.tflite.flatbuffer import constant, read_model, write_model
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.op_versions import graph_runtime
from keras_mobilevit.tflite.quantization.half_biases import half_biases

_FULLY_CONNECTED = ("FullyConnectedOptions", {})


def _tensors(model):
    """Name -> (tensor, its values)."""
    flat = read_model(model)
    (graph,) = flat.subgraphs
    return {
        tensor.name.decode(): (tensor, constant(flat, graph, index))
        for index, tensor in enumerate(graph.tensors)
    }


def _run(path, model, **inputs):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    path.write_bytes(model)
    interpreter = litert.Interpreter(str(path))
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], inputs[detail["name"]])
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    return interpreter.get_tensor(output["index"])


# === One scale for the weights of a dense layer ===


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
    tensors = _tensors(merge_dense_scales(_dense("float32")))
    weights, values = tensors["w"]
    # The largest is 12.7: its scale is 0.1, of which 2 and -1 are 20 and -10.
    np.testing.assert_allclose(weights.quantization.scale, [0.1], rtol=1e-6)
    np.testing.assert_array_equal(weights.quantization.zeroPoint, [0])
    np.testing.assert_array_equal(values, [[20, -10], [-127, 3]])
    np.testing.assert_array_equal(tensors["b"][1], [5, -7])


def test_integer_biases_take_the_scale_of_the_products():
    model = _dense("int8", dtype="int32", scale=(0.01, 0.05))
    bias, values = _tensors(merge_dense_scales(model))["b"]
    # 0.5 * 0.1; 5 * 0.01 is 1 of it, and -7 * 0.05 is what it was.
    np.testing.assert_allclose(bias.quantization.scale, [0.05], rtol=1e-6)
    np.testing.assert_array_equal(values, [1, -7])


def test_no_older_runtime_is_misled_any_more():
    before, after = _dense("float32"), merge_dense_scales(_dense("float32"))
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
    _, values = _tensors(merge_dense_scales(micro_model(tensors, nodes)))["w"]
    np.testing.assert_array_equal(values, [[20, 0], [9, 127]])


def test_weights_that_are_zero_stay_so():
    tensors = {
        "x": Tensor((1, 2)),
        "w": Tensor((2, 2), "int8", scale=(0.1, 0.2), values=0),
        "y": Tensor((1, 2)),
    }
    node = ("FULLY_CONNECTED", ["x", "w"], ["y"], _FULLY_CONNECTED)
    weights, values = _tensors(
        merge_dense_scales(micro_model(tensors, [node]))
    )["w"]
    assert not values.any() and weights.quantization.scale > 0


# === Biases in float16 ===


def _half_weights(bias=(0.1, -3.0)):
    tensors = {
        "x": Tensor((1, 2)),
        "w_half": Tensor((2, 2), "float16", values=[[1, 2], [3, 4]]),
        "w": Tensor((2, 2)),
        "b": Tensor((2,), values=bias),
        "y": Tensor((1, 2)),
    }
    nodes = [
        ("DEQUANTIZE", ["w_half"], ["w"], None),
        ("FULLY_CONNECTED", ["x", "w", "b"], ["y"], _FULLY_CONNECTED),
    ]
    return micro_model(tensors, nodes)


def test_biases_become_half(tmp_path):
    model = half_biases(_half_weights())
    tensors = _tensors(model)
    half, values = tensors["b_half"]
    assert values.dtype == np.float16
    np.testing.assert_array_equal(values, np.float16([0.1, -3.0]))
    assert tensors["b"][1] is None
    nodes = read_graph(model).nodes
    assert [node.kind for node in nodes] == [
        *("DEQUANTIZE", "DEQUANTIZE", "FULLY_CONNECTED")
    ]
    # 1 + 2 * 10 + 0.1 in float16, and 3 + 4 * 10 - 3.
    result = _run(tmp_path / "a.tflite", model, x=np.float32([[1, 10]]))
    np.testing.assert_allclose(result, [[21 + float(np.float16(0.1)), 40]])
    assert b"\xcd\xcc\xcc=" in _half_weights()  # 0.1 in float32,
    assert b"\xcd\xcc\xcc=" not in model  # of which nothing stays.


def test_biases_beyond_half_stay():
    model = _half_weights(bias=(1e6, 0))
    assert half_biases(model) is model


def test_a_buffer_that_others_have_too_is_kept():
    flat = read_model(_half_weights())
    (graph,) = flat.subgraphs
    flat.subgraphs[0].tensors[0].buffer = graph.tensors[3].buffer
    tensors = _tensors(half_biases(write_model(flat)))
    assert tensors["b"][1] is None and tensors["x"][1] is not None


# === Whole files ===


def test_files_that_are_right_already_stay_as_they_are():
    """Float weights, and int8 ones that are floats again when it runs."""
    tensors = {
        "x": Tensor((1, 2)),
        "v": Tensor((2, 2), values=1),
        "y": Tensor((1, 2)),
        "w_int8": Tensor((2, 2), "int8", scale=(0.1, 0.2), values=1),
        "w": Tensor((2, 2)),
        "b": Tensor((2,), values=1),
        "z": Tensor((1, 2)),
    }
    nodes = [
        ("FULLY_CONNECTED", ["x", "v", "b"], ["y"], _FULLY_CONNECTED),
        ("DEQUANTIZE", ["w_int8"], ["w"], None),
        ("FULLY_CONNECTED", ["y", "w", "b"], ["z"], _FULLY_CONNECTED),
    ]
    model = micro_model(tensors, nodes)
    assert make_compatible(model, "2.14") is model


@pytest.mark.parametrize("compat", ["2.5", "tflite-runtime==2.14.0", None])
def test_runtimes_that_were_not_tested_are_refused(compat):
    with pytest.raises(ValueError, match=r"one of \['2.14'\].*Received"):
        make_compatible(_dense("float32"), compat)


@pytest.mark.parametrize(
    ("kind", "version", "since"),
    [("CAST", 6, "2.15.0"), ("CAST", 99, "unknown"), ("LOG", 1, "unknown")],
)
def test_operations_that_it_lacks_are_named(kind, version, since):
    tensors = {"x": Tensor((1, 2)), "y": Tensor((1, 2))}
    flat = read_model(micro_model(tensors, [(kind, ["x"], ["y"], None)]))
    flat.operatorCodes[0].version = version
    with pytest.raises(ValueError, match=f"{kind} version {version}.*{since}"):
        make_compatible(write_model(flat), "2.14")
