"""Dense layers whose weights one int8 scale would round too coarsely."""

import dataclasses

import numpy as np
import pytest
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import constant, op_name, read_model
from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.coarse_weights import (
    coarse_dense_layers,
)
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8_full

_FULLY_CONNECTED = ("FullyConnectedOptions", {})
_SIDE = 64


def _two_layers(first_row):
    """Layers "a" and "b"; the first row of b's weights is so much larger."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(-1, 1, (2, _SIDE, _SIDE))
    weights[1, 0] *= first_row
    tensors = {
        name: Tensor((1, _SIDE), "float32") for name in ("x", "a", "b")
    } | {
        name: Tensor((_SIDE, _SIDE), "float32", values=values)
        for name, values in zip(("wa", "wb"), weights, strict=True)
    }
    nodes = [
        ("FULLY_CONNECTED", ["x", "wa"], ["a"], _FULLY_CONNECTED),
        ("FULLY_CONNECTED", ["a", "wb"], ["b"], _FULLY_CONNECTED),
    ]
    return micro_model(tensors, nodes)


def _rounded_sqnr(weights):
    """Measured, of the nearest of 255 evenly spaced values."""
    step = np.abs(weights).max() / 127
    error = weights - step * np.round(weights / step)
    return 10 * np.log10(np.square(weights).sum() / np.square(error).sum())


@pytest.mark.parametrize("first_row", [1, 2, 4, 32])
def test_layers_whose_weights_lose_most(first_row):
    model = read_model(_two_layers(first_row))
    (graph,) = model.subgraphs
    weights = {
        graph.tensors[op.outputs[0]].name.decode(): constant(
            model, graph, op.inputs[1]
        )
        for op in graph.operators
    }
    lossy = [n for n, values in weights.items() if _rounded_sqnr(values) < 37]
    assert coarse_dense_layers(model) == lossy
    assert lossy == (["b"] if first_row > 2 else [])


def test_weights_of_zeros_need_no_scales():
    tensors = {
        "x": Tensor((1, 2), "float32"),
        "w": Tensor((2, 2), "float32", values=np.zeros((2, 2))),
        "y": Tensor((1, 2), "float32"),
    }
    node = ("FULLY_CONNECTED", ["x", "w"], ["y"], _FULLY_CONNECTED)
    assert coarse_dense_layers(read_model(micro_model(tensors, [node]))) == []


@pytest.mark.parametrize("single", [True, False])
def test_they_keep_a_scale_for_each_output(single):
    names = ("x", "a", "b")
    calibration = Calibration(
        ranges=dict.fromkeys(names, (-4.0, 4.0)),
        means={name: np.zeros(_SIDE) for name in names},
        images=1,
    )
    recipe = dataclasses.replace(int8_full(), per_tensor_dense_weights=single)
    model = read_model(quantize(_two_layers(32), recipe, calibration))
    (graph,) = model.subgraphs
    scales = [
        len(graph.tensors[op.inputs[1]].quantization.scale)
        for op in graph.operators
        if op_name(model, op) == "FULLY_CONNECTED"
    ]
    assert scales == [1 if single else _SIDE, _SIDE]
