"""Conversions between int8 scales that are far apart."""

import numpy as np
import pytest
from edited import edited, repacked
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite import inspect
from keras_mobilevit.tflite.quantization.far_scales import bridge_far_scales
from keras_mobilevit.tflite.scoring import predict_all

SIDES = (1, 16, 16, 1)
BYTES = np.arange(256, dtype=np.float32).reshape(SIDES[1:])


def converting_model(quotient):
    """Bytes in a scale of 1, and then in one of another."""
    tensors = {
        "image": Tensor(SIDES, "int8", scale=1.0, zero_point=-128),
        "near": Tensor(SIDES, "int8", scale=1.0, zero_point=-100),
        "output": Tensor(SIDES, "int8", scale=1 / quotient, zero_point=-5),
    }
    nodes = [
        ("QUANTIZE", ["image"], ["near"], None),
        ("QUANTIZE", ["near"], ["output"], None),
    ]
    return micro_model(tensors, nodes, signature="serve")


@pytest.mark.parametrize("quotient", [1e-9, 1e-5, 1 / 257, 129, 1e5])
def test_far_scales_are_bridged(tmp_path, quotient):
    model = converting_model(quotient)
    path = tmp_path / "a.tflite"
    path.write_bytes(model)
    assert inspect(path).left_out == {"QUANTIZE": 1}
    bridged = edited(bridge_far_scales, model)
    path.write_bytes(bridged)
    assert inspect(path).left_out == {}
    expected, actual = (predict_all(m, [BYTES]) for m in (model, bridged))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1.01 / quotient)


@pytest.mark.parametrize("quotient", [1 / 250, 1, 125])
def test_near_scales_are_left(quotient):
    model = converting_model(quotient)
    assert edited(bridge_far_scales, model) == repacked(model)


def adding_model(kind, quotient):
    """Bytes in a scale of 1, joined with the same in another scale."""
    tensors = {
        "image": Tensor(SIDES, "int8", scale=1.0, zero_point=-128),
        "other": Tensor(SIDES, "int8", scale=quotient, zero_point=3),
        "output": Tensor(SIDES, "int8", scale=1.0, zero_point=-100),
    }
    options = {"ADD": "AddOptions", "SUB": "SubOptions"}[kind]
    nodes = [
        ("QUANTIZE", ["image"], ["other"], None),
        (kind, ["image", "other"], ["output"], (options, {})),
    ]
    return micro_model(tensors, nodes, signature="serve")


@pytest.mark.parametrize("kind", ["ADD", "SUB"])
@pytest.mark.parametrize("quotient", [1e-7, 1 / 1100])
def test_far_operands_of_sums_are_bridged(tmp_path, kind, quotient):
    model = adding_model(kind, quotient)
    path = tmp_path / "a.tflite"
    path.write_bytes(model)
    assert inspect(path).left_out[kind] == 1
    bridged = edited(bridge_far_scales, model)
    path.write_bytes(bridged)
    assert inspect(path).left_out == {}
    expected, actual = (predict_all(m, [BYTES]) for m in (model, bridged))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1.01)


def test_constants_of_sums_are_left():
    tensors = {
        "image": Tensor(SIDES, "int8", scale=1.0, zero_point=-128),
        "faint": Tensor((1,), "int8", scale=1e-6, zero_point=0, values=[5]),
        "output": Tensor(SIDES, "int8", scale=1.0, zero_point=-128),
    }
    nodes = [("ADD", ["image", "faint"], ["output"], ("AddOptions", {}))]
    model = micro_model(tensors, nodes)
    assert edited(bridge_far_scales, model) == repacked(model)


@pytest.mark.parametrize("kind", ["ADD", "SUB"])
@pytest.mark.parametrize("quotient", [1 / 125, 1, 250])
def test_near_operands_of_sums_are_left(kind, quotient):
    model = adding_model(kind, quotient)
    assert edited(bridge_far_scales, model) == repacked(model)
