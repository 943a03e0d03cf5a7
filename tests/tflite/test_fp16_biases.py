"""Biases in float16 beside weights in float16."""

import numpy as np
import pytest
from edited import edited, named_tensors, repacked
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.quantization.fp16_biases import fp16_biases

_FULLY_CONNECTED = ("FullyConnectedOptions", {})


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
    model = edited(fp16_biases, _half_weights())
    tensors = named_tensors(model)
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
    assert edited(fp16_biases, model) == repacked(model)


def test_a_buffer_that_others_have_too_is_kept():
    flat = read_model(_half_weights())
    (graph,) = flat.subgraphs
    flat.subgraphs[0].tensors[0].buffer = graph.tensors[3].buffer
    tensors = named_tensors(edited(fp16_biases, write_model(flat)))
    assert tensors["b"][1] is None and tensors["x"][1] is not None
