"""Norms with the same bits on every processor."""

import dataclasses
import math

import numpy as np
import pytest
from edited import edited
from micro_model import Tensor, micro_model
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.flatbuffer import op_name, read_model
from keras_mobilevit.tflite.quantization.bit_exact_norm import (
    use_bit_exact_norms,
)
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8
from keras_mobilevit.tflite.quantization.scales import power_of_two
from keras_mobilevit.tflite.scoring import sqnr_scorer

TOKENS, CHANNELS = 500, 64


# === Scales ===


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1.0, 1.0, (-128 / 64, 127 / 64)),
        (-1.0, 0.99, (-128 / 128, 127 / 128)),
        (0.0, 255.0, (0, 255)),
        (0.5, 255.5, (0, 510)),
        (-1e-3, -1e-4, (-131 / 2**17, 124 / 2**17)),
    ],
)
def test_ranges_of_a_power_of_two(low, high, expected):
    found = power_of_two(low, high)
    step = (found[1] - found[0]) / 255
    assert found[0] <= min(low, 0) + step / 2
    assert found[1] >= max(high, 0) - step / 2
    assert math.frexp(step)[0] == 0.5
    # An integer stands for zero.
    assert (found[0] / step).is_integer()
    # Half the step would not reach.
    assert (max(high, 0) - min(low, 0)) / (step / 2) > 255
    assert step == (expected[1] - expected[0]) / 255


# === Bits ===


def norm(scale):
    """A file that normalizes int8 tokens, in float."""
    shape, per_token = (1, TOKENS, CHANNELS), (1, TOKENS, 1)
    none = {"fusedActivationFunction": 0}
    return micro_model(
        {
            "tokens": Tensor(shape, "int8", scale=scale, zero_point=3),
            "x": Tensor(shape),
            "square": Tensor(shape),
            "axis": Tensor((1,), "int32", values=-1),
            "mean": Tensor(per_token),
            "epsilon": Tensor((), values=1e-5),
            "shifted": Tensor(per_token),
            "inverse": Tensor(per_token),
            "output": Tensor(shape),
        },
        [
            ("DEQUANTIZE", ["tokens"], ["x"], None),
            ("MUL", ["x", "x"], ["square"], ("MulOptions", none)),
            (
                *("MEAN", ["square", "axis"], ["mean"]),
                ("ReducerOptions", {"keepDims": True}),
            ),
            ("ADD", ["mean", "epsilon"], ["shifted"], ("AddOptions", none)),
            ("RSQRT", ["shifted"], ["inverse"], None),
            ("MUL", ["x", "inverse"], ["output"], ("MulOptions", none)),
        ],
        signature="serve",
    )


def run(model, tokens, xnnpack):
    litert = import_optional("ai_edge_litert.interpreter", extra="tflite")
    kernels = litert.OpResolverType
    interpreter = litert.Interpreter(
        model_content=model,
        experimental_op_resolver_type=(
            kernels.AUTO
            if xnnpack
            else kernels.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tokens)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.fixture(scope="module")
def tokens():
    """Of lengths from about 1 to 100."""
    rng = np.random.default_rng(0)
    lengths = np.geomspace(1, 60, TOKENS)[:, None]
    tokens = rng.normal(size=(1, TOKENS, CHANNELS)) * lengths
    return np.clip(np.round(tokens) + 3, -128, 127).astype(np.int8)


def differing(model, tokens):
    """Floats that XNNPACK and the built-in kernels compute otherwise."""
    outputs = [run(model, tokens, xnnpack) for xnnpack in (True, False)]
    np.testing.assert_allclose(*outputs, rtol=1e-5)
    x = tokens.astype(np.float64) - 3
    expected = x / np.sqrt((x**2).mean(axis=-1, keepdims=True))
    np.testing.assert_allclose(outputs[0], expected, rtol=1e-2)
    return np.mean(outputs[0] != outputs[1])


def test_two_implementations_give_the_same_bits(tokens):
    """Two that sum in another order, and take roots in another way."""
    plain, portable = norm(2**-4), edited(use_bit_exact_norms, norm(2**-4))
    assert differing(plain, tokens) > 0.1
    assert differing(portable, tokens) == 0


def test_it_takes_a_power_of_two(tokens):
    """With other scales sums are rounded, and their order tells."""
    assert differing(edited(use_bit_exact_norms, norm(0.07)), tokens) > 0.01


# === In a network ===


def kinds(file):
    model = read_model(file)
    return [op_name(model, op) for op in model.subgraphs[0].operators]


def test_the_float_graph_computes_the_same(tiny_float):
    changed = edited(use_bit_exact_norms, tiny_float)
    assert "RSQRT" in kinds(tiny_float)
    assert "RSQRT" not in kinds(changed)
    images = make_images(3, TINY_SIZE, seed=1)
    assert sqnr_scorer(tiny_float, images)(changed) > 110


def test_int8_files_have_them(tiny_float, tiny_calibration):
    model = read_model(quantize(tiny_float, int8(), tiny_calibration))
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    found = 0
    for op in graph.operators:
        if op_name(model, op) != "MUL" or op.inputs[0] != op.inputs[1]:
            continue
        dequantize = producers[op.inputs[0]]
        assert op_name(model, dequantize) == "DEQUANTIZE"
        tensor = graph.tensors[dequantize.inputs[0]]
        assert math.frexp(tensor.quantization.scale[0])[0] == 0.5
        # The sum of squares of differences of up to 255 is a float.
        assert 255**2 * tensor.shape[-1] < 2**24
        found += 1
    plain = dataclasses.replace(int8(), bit_exact_norms=False)
    without = kinds(quantize(tiny_float, plain, tiny_calibration))
    assert found == without.count("RSQRT") > 0
    assert "SQRT" not in without
