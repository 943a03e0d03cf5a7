"""An inverted residual put together by hand, and how to look inside it."""

import numpy as np
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import (
    constant,
    op_name,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.quantization_debugging.probing import Probe

HEIGHT, WIDTH, PIXEL, HIDDEN, OUTPUTS = 6, 8, 3, 16, 5
CONV = ("Conv2DOptions", {"strideW": 1, "strideH": 1, "padding": 1})
DEPTHWISE = (
    "DepthwiseConv2DOptions",
    {"strideW": 1, "strideH": 1, "depthMultiplier": 1, "padding": 1},
)


def silu(name):
    """Nodes of a SiLU, from `name` to `name/mul`."""
    return [
        ("LOGISTIC", [name], [f"{name}/logistic"], None),
        (
            "MUL",
            [name, f"{name}/logistic"],
            [f"{name}/mul"],
            ("MulOptions", {}),
        ),
    ]


def activations(name, shape):
    """Tensors of a convolution and of the SiLU behind it."""
    return {n: Tensor(shape) for n in (name, f"{name}/logistic", f"{name}/mul")}


def expansion_tensors(spread=None):
    """Of `expansion_graph`, with the constants.

    Args:
        spread: Factor of each hidden channel; the depthwise kernel divides by
            it.
    """
    rng = np.random.default_rng(0)
    spread = np.ones(HIDDEN) if spread is None else spread

    def weights(*shape):
        return Tensor(shape, values=rng.normal(size=shape))

    def scaled(tensor, factors):
        return Tensor(tensor.shape, values=tensor.values * factors)

    image = (1, HEIGHT, WIDTH, PIXEL)
    hidden = (1, HEIGHT, WIDTH, HIDDEN)
    return {
        "image": Tensor(image),
        "expand/kernel": scaled(
            weights(HIDDEN, 1, 1, PIXEL), np.reshape(spread, (-1, 1, 1, 1))
        ),
        "expand/bias": scaled(weights(HIDDEN), spread),
        **activations("expand/conv", hidden),
        "pads": Tensor(
            (4, 2), "int32", values=[(0, 0), (1, 1), (1, 1), (0, 0)]
        ),
        "pad": Tensor((1, HEIGHT + 2, WIDTH + 2, HIDDEN)),
        "depthwise/kernel": scaled(weights(1, 3, 3, HIDDEN), 1 / spread),
        "depthwise/bias": weights(HIDDEN),
        **activations("depthwise/conv", hidden),
        "reduce/kernel": weights(OUTPUTS, 1, 1, HIDDEN),
        "reduce/bias": weights(OUTPUTS),
        "reduce": Tensor((1, HEIGHT, WIDTH, OUTPUTS)),
    }


def expansion_nodes():
    return [
        (
            "CONV_2D",
            ["image", "expand/kernel", "expand/bias"],
            ["expand/conv"],
            CONV,
        ),
        *silu("expand/conv"),
        ("PAD", ["expand/conv/mul", "pads"], ["pad"], None),
        (
            "DEPTHWISE_CONV_2D",
            ["pad", "depthwise/kernel", "depthwise/bias"],
            ["depthwise/conv"],
            DEPTHWISE,
        ),
        *silu("depthwise/conv"),
        (
            "CONV_2D",
            ["depthwise/conv/mul", "reduce/kernel", "reduce/bias"],
            ["reduce"],
            CONV,
        ),
    ]


def expansion_graph(spread=None):
    """A 1x1 convolution, padding, a depthwise one, and a linear 1x1."""
    return micro_model(
        expansion_tensors(spread), expansion_nodes(), signature="serve"
    )


def make_inputs(count=4, shape=(HEIGHT, WIDTH, PIXEL), seed=0):
    return np.random.default_rng(seed).normal(size=(count, 1, *shape))


def tensor_values(data, name, inputs):
    """Values of a tensor on kernels that have nothing to do with XNNPACK."""
    probe = Probe(data)
    (image,) = probe.graph.inputs
    index = index_of(data, name)
    found = []
    for values in inputs:
        probe.run({image.index: values})
        found.append(probe.values(index))
    return np.concatenate(found)


def index_of(data, name):
    """Index of the tensor of that name."""
    (graph,) = read_model(data).subgraphs
    names = [tensor_name(graph, i) for i in range(len(graph.tensors))]
    assert names.count(name) == 1, names
    return names.index(name)


def stored(data, name):
    """Values of a constant of that name."""
    model = read_model(data)
    (graph,) = model.subgraphs
    return constant(model, graph, index_of(data, name))


def kinds(data):
    """Names of the kinds of a file's operations, in order."""
    model = read_model(data)
    return [op_name(model, op) for op in model.subgraphs[0].operators]


def decibels(expected, actual):
    """Power of all values over that of their differences, in dB."""
    noise = np.sum((np.asarray(expected) - actual) ** 2)
    return 10 * np.log10(np.sum(np.square(expected)) / max(noise, 1e-30))
