"""Biases that make up for rounded weights, against sums by hand."""

import dataclasses

import numpy as np
import pytest
from edited import edited
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import (
    INT32,
    constant,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.quantization.bias_correction import (
    correct_biases,
    in_steps,
)
from keras_mobilevit.tflite.quantization.calibration import (
    Calibration,
    calibrate,
)
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8

# Two filters of two weights, in steps of 1/2 and 1/4. The errors are what
# rounding leaves: (0, 0.1) and (0.01, 0.1).
FILTERS = np.array([[1.0, -0.4], [0.26, 3.1]])
ROUNDED = np.array([[2, -2 + 1], [1, 12]])
SCALES = (0.5, 0.25)

CONV = ("Conv2DOptions", {"strideW": 1, "strideH": 1})
DEPTHWISE = (
    "DepthwiseConv2DOptions",
    {"strideW": 1, "strideH": 1, "depthMultiplier": 1},
)
DENSE = ("FullyConnectedOptions", {})


def corrected(kind, options, kernels, means, inputs, outputs, axis=0):
    """Biases (100, -7) in steps of 1/10, corrected."""
    exact, rounded = kernels
    biases = len(rounded) if axis == 0 else rounded.shape[-1]
    node = [(kind, ["x", "w", "b"], ["y"], options)]
    float_model = micro_model(
        {
            "x": Tensor(inputs),
            "w": Tensor(exact.shape, values=exact),
            "b": Tensor((biases,), values=np.resize((10, -0.7), biases)),
            "y": Tensor(outputs),
        },
        node,
    )
    quantized = micro_model(
        {
            "x": Tensor(inputs, "int8", scale=1.0),
            "w": Tensor(
                exact.shape,
                "int8",
                scale=tuple(np.resize(SCALES, biases)),
                values=rounded,
                axis=axis,
            ),
            "b": Tensor(
                (biases,),
                "int32",
                scale=(0.1,) * biases,
                values=np.resize((100, -7), biases),
            ),
            "y": Tensor(outputs, "int8", scale=1.0),
        },
        node,
    )
    data = edited(
        *(correct_biases, quantized),
        *(read_model(float_model), {"x": np.array(means)}),
    )
    model = read_model(data)
    (graph,) = model.subgraphs
    # All else is as it was.
    assert (constant(model, graph, 1) == rounded).all()
    found = constant(model, graph, 2)
    assert found.dtype == np.int32
    return found.tolist()


@pytest.mark.parametrize("kind", ["CONV_2D", "FULLY_CONNECTED"])
def test_products_of_all_channels(kind):
    """0.1 * 4 = 0.4 is 4 steps, 0.01 * 10 + 0.1 * 4 = 0.5 is 5."""
    shape = (2, 1, 1, 2) if kind == "CONV_2D" else (2, 2)
    kernels = [k.reshape(shape) for k in (FILTERS, ROUNDED)]
    sides = (1, 1, 1, 2) if kind == "CONV_2D" else (1, 2)
    options = CONV if kind == "CONV_2D" else DENSE
    found = corrected(kind, options, kernels, (10, 4), sides, sides)
    assert found == [104, -2]


def test_windows_see_the_mean_everywhere():
    """0.1 * 10 = 1 is 10 steps, (0.01 + 0.1) * 10 = 1.1 is 11."""
    kernels = [k.reshape(2, 1, 2, 1) for k in (FILTERS, ROUNDED)]
    found = corrected(
        "CONV_2D", CONV, kernels, (10,), (1, 1, 2, 1), (1, 1, 1, 2)
    )
    assert found == [110, 4]


def test_groups_see_their_own_channels():
    """The second filter has channels of mean 20 and -30: 0.2 - 3 = -2.8."""
    kernels = [k.reshape(2, 1, 1, 2) for k in (FILTERS, ROUNDED)]
    found = corrected(
        "CONV_2D", CONV, kernels, (10, 4, 20, -30), (1, 1, 1, 4), (1, 1, 1, 2)
    )
    assert found == [104, -35]


def test_depthwise_filters_see_one_channel():
    """0.1 * 10 = 1 is 10 steps; (0.01 + 0.1) * 4 = 0.44 is 4."""
    kernels = [k.T.reshape(1, 2, 1, 2) for k in (FILTERS, ROUNDED)]
    found = corrected(
        *("DEPTHWISE_CONV_2D", DEPTHWISE, kernels, (10, 4)),
        *((1, 2, 1, 2), (1, 1, 1, 2)),
        axis=3,
    )
    assert found == [110, -3]


def test_two_depthwise_filters_of_each_channel():
    """1 and 1.1 for the first, 0.4 and 0.44 for the second channel."""
    kernels = [np.tile(k.T.reshape(1, 2, 1, 2), 2) for k in (FILTERS, ROUNDED)]
    found = corrected(
        *("DEPTHWISE_CONV_2D", DEPTHWISE, kernels, (10, 4)),
        *((1, 2, 1, 2), (1, 1, 1, 4)),
        axis=3,
    )
    assert found == [110, 4, 104, -3]


@pytest.fixture(scope="module")
def convolution():
    """A 3x3 convolution of positive values, its images, and a calibration."""
    rng = np.random.default_rng(0)
    tensors = {
        "x": Tensor((1, 12, 12, 8)),
        "w": Tensor((16, 3, 3, 8), values=rng.normal(size=(16, 3, 3, 8))),
        "b": Tensor((16,), values=rng.normal(size=16)),
        "y": Tensor((1, 10, 10, 16)),
    }
    options = {"strideW": 1, "strideH": 1, "padding": 1}  # Padding.VALID
    data = micro_model(
        tensors,
        [("CONV_2D", ["x", "w", "b"], ["y"], ("Conv2DOptions", options))],
        signature="serve",
    )
    images = rng.gamma(2, 40, (40, 12, 12, 8)).clip(0, 255)
    return data, images, calibrate(data, images[:20], 100)


def mean_output(data, images):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    runner = litert.Interpreter(model_content=data).get_signature_runner()
    outputs = [runner(x_name=i[None].astype("float32")) for i in images]
    return np.mean([output["y_name"] for output in outputs], axis=(0, 1, 2, 3))


def test_mean_outputs_come_nearer_to_the_float_ones(convolution):
    """On images that did not calibrate."""
    float_model, images, calibration = convolution
    without = Calibration(
        calibration.ranges, {"x": np.zeros(8)}, calibration.images
    )
    expected = mean_output(float_model, images[20:])
    errors = [
        abs(
            mean_output(quantize(float_model, int8(), c), images[20:])
            - expected
        )
        for c in (without, calibration)
    ]
    # Measured: a twentieth. It is left because the channel means of the two
    # halves differ by up to 2 %.
    assert errors[1].mean() < 0.1 * errors[0].mean()
    assert errors[1].max() < 0.1 * errors[0].max()


def test_only_int32_biases_change(tiny_float, tiny_calibration):
    """Layers in float, weights and all other constants stay."""
    recipe = dataclasses.replace(
        int8(), skip_layers=(*int8().skip_layers, "^stem/", "^predictions/")
    )
    without = dataclasses.replace(
        tiny_calibration,
        means={k: 0 * mean for k, mean in tiny_calibration.means.items()},
    )
    before, after = (
        read_model(quantize(tiny_float, recipe, calibration))
        for calibration in (without, tiny_calibration)
    )
    changed = set()
    for index, tensor in enumerate(before.subgraphs[0].tensors):
        values = [
            model.buffers[tensor.buffer].data for model in (before, after)
        ]
        if values[0] is None or values[0].tobytes() == values[1].tobytes():
            continue
        assert tensor.type == INT32
        changed.add(tensor_name(after.subgraphs[0], index))
    assert all(name.endswith("/bias") for name in changed)
    layers = {name.split("/")[0] for name in changed}
    assert layers == {"stage0_ir", "stage1_ir", "stage2_block"}


def test_a_bias_beyond_all_steps_is_the_last_one():
    """A filter of zeros has a scale next to nothing."""
    steps = np.array([0.25, 1e-12, 1e-12], np.float32)
    biases = in_steps(np.array([-0.6, 0.5, -0.5]), steps)
    assert biases.dtype == np.int32
    assert biases.tolist() == [-2, 2**31 - 1, -(2**31)]
