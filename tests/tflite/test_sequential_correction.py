"""Biases corrected one layer after the other, against means measured here."""

import numpy as np
import pytest
from edited import edited
from expansion_graph import (
    CONV,
    PIXEL,
    index_of,
    make_inputs,
    stored,
    tensor_values,
)
from micro_model import Tensor, micro_model
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    constant,
    op_name,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8
from keras_mobilevit.tflite.quantization.sequential_correction import (
    correct_biases_in_sequence,
)

IMAGES = np.stack(make_images(30, TINY_SIZE, seed=1))


@pytest.fixture(scope="module")
def plain(tiny_float, tiny_calibration):
    return quantize(tiny_float, int8(), tiny_calibration)


@pytest.fixture(scope="module")
def corrected(plain, tiny_float):
    return in_sequence(plain, tiny_float, IMAGES)


def in_sequence(data, float_model, images):
    source = read_model(float_model)
    return edited(correct_biases_in_sequence, data, source, images)


def products(data, float_model):
    """Names of int8 tensors that layers with biases make."""
    model = read_model(data)
    (graph,) = model.subgraphs
    (source,) = read_model(float_model).subgraphs
    known = {tensor_name(source, i) for i in range(len(source.tensors))}
    names = [
        tensor_name(graph, int(op.outputs[0]))
        for op in graph.operators
        if op_name(model, op)
        in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
        and op.inputs[2] >= 0
        and graph.tensors[int(op.outputs[0])].type == INT8
    ]
    return [name for name in names if name in known]


def channel_errors(data, float_model, name):
    """Mean of each channel of a tensor, less that of the float file.

    Float values beyond the int8 range count as its ends.
    """
    (graph,) = read_model(data).subgraphs
    quantization = graph.tensors[index_of(data, name)].quantization
    scale, zero_point = quantization.scale[0], quantization.zeroPoint[0]
    inputs = IMAGES[:, None]
    expected, actual = (
        tensor_values(file, name, inputs) for file in (float_model, data)
    )
    expected = np.clip(
        expected, scale * (-128 - zero_point), scale * (127 - zero_point)
    )
    axes = tuple(range(expected.ndim - 1))
    return (actual - expected).mean(axes) / scale


def test_mean_errors_get_smaller(plain, corrected, tiny_float):
    """Over the steps of the tensors, on kernels other than XNNPACK's."""
    names = products(plain, tiny_float)
    assert len(names) >= 12
    before, after = (
        [channel_errors(file, tiny_float, name) for name in names]
        for file in (plain, corrected)
    )

    def square(errors):
        return np.mean(np.concatenate(errors) ** 2)

    assert square(after) < 0.25 * square(before)
    # Rounding to 8 bits averages out over positions, where there are many.
    maps = [e for n, e in zip(names, after, strict=True) if "conv_2d" in n]
    assert np.abs(np.concatenate(maps)).mean() < 0.1


def test_only_biases_change(plain, corrected):
    first, second = read_model(plain), read_model(corrected)
    (graph,), (other,) = first.subgraphs, second.subgraphs
    biases = {int(op.inputs[2]) for op in graph.operators if len(op.inputs) > 2}
    assert len(graph.tensors) == len(other.tensors)
    changed = {
        index
        for index in range(len(graph.tensors))
        if not np.array_equal(
            constant(first, graph, index), constant(second, other, index)
        )
    }
    assert changed and changed <= biases


def test_every_image_up_to_forty_counts(plain, corrected, tiny_float):
    """And of more, as many, evenly: twice the same ones are the same."""
    twice = np.repeat(np.concatenate([IMAGES, IMAGES[:10]]), 2, axis=0)
    chosen = np.linspace(0, 79, 40).round().astype(int)
    found = in_sequence(plain, tiny_float, twice)
    assert found == in_sequence(plain, tiny_float, twice[chosen])
    assert found != corrected


# === One layer by hand ===

STEP = 0.05
WEIGHTS = np.array([[1, 0, 0], [0, 2, 0], [0, 0, -1], [1, 1, 1]])


def layer(bias, largest=None):
    """A 1x1 convolution as float and int8 files; the bias of the latter.

    Args:
        bias: In float.
        largest: What the int8 output ends at.
    """
    scale = STEP if largest is None else largest / 127
    shape, outputs = (1, 6, 8, PIXEL), (1, 6, 8, len(WEIGHTS))
    kernel = WEIGHTS.reshape(-1, 1, 1, PIXEL)
    node = ("CONV_2D", ["conv_x", "w", "b"], ["y"], CONV)
    source = micro_model(
        {
            "conv_x": Tensor(shape),
            "w": Tensor(kernel.shape, values=kernel),
            "b": Tensor((4,), values=bias),
            "y": Tensor(outputs),
        },
        [node],
    )
    quantized = micro_model(
        {
            "x": Tensor(shape),
            "conv_x": Tensor(shape, "int8", scale=STEP),
            "w": Tensor(kernel.shape, "int8", scale=(1.0,) * 4, values=kernel),
            "b": Tensor((4,), "int32", scale=(STEP,) * 4, values=0),
            "y": Tensor(outputs, "int8", scale=scale),
        },
        [("QUANTIZE", ["x"], ["conv_x"], None), node],
    )
    return source, quantized


def inputs():
    """Whole steps, so that nothing is rounded; all within ±1.5."""
    values = np.clip(make_inputs(12)[:, 0] / 2, -1.5, 1.5)
    return STEP * np.round(values / STEP)


def test_a_bias_that_is_missing_is_found():
    bias = np.array([0.5, -0.25, 1.0, 0.0])
    source, quantized = layer(bias)
    found = stored(in_sequence(quantized, source, inputs()), "b")
    assert found.tolist() == (bias / STEP).round().tolist()


def test_clipped_values_shift_no_bias():
    """Values beyond the ends are lost; all others are right."""
    source, quantized = layer(np.zeros(4), largest=0.4)
    skewed = inputs() + 0.5
    values = tensor_values(source, "y", skewed[:, None])
    assert np.mean(values > 0.4) > 0.1
    # Without regard to the ends, means would differ by many steps.
    clipped = np.clip(values, -0.4 * 128 / 127, 0.4)
    assert np.abs((values - clipped).mean((0, 1, 2))).max() > 4 * STEP
    found = stored(in_sequence(quantized, source, skewed), "b")
    assert np.abs(found).max() == 0
