"""Moments of what layers see, against loops and the runtime's own products."""

import itertools

import numpy as np
import pytest
from expansion_graph import tensor_values
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import PRODUCTS, read_model
from keras_mobilevit.tflite.quantization import input_moments
from keras_mobilevit.tflite.quantization.input_moments import (
    View,
    observe_moments,
    patches,
)

SAME, VALID = 0, 1
# Kind, input, kernel, strides, dilations, padding.
CONV = ("CONV_2D", (1, 7, 6, 4), (5, 3, 3, 4), (2, 2), (1, 1), SAME)
CASES = {
    "3x3 stride 2": CONV,
    "even side": ("CONV_2D", (1, 8, 6, 4), (5, 3, 3, 4), (2, 2), (1, 1), SAME),
    "valid": ("CONV_2D", (1, 7, 6, 4), (5, 3, 3, 4), (2, 1), (1, 1), VALID),
    "dilated": ("CONV_2D", (1, 9, 8, 4), (5, 3, 3, 4), (1, 1), (2, 2), SAME),
    "1x1": ("CONV_2D", (1, 7, 6, 4), (5, 1, 1, 4), (1, 1), (1, 1), SAME),
    "oblong": ("CONV_2D", (1, 7, 6, 4), (5, 1, 3, 4), (1, 1), (1, 1), SAME),
    "grouped": ("CONV_2D", (1, 7, 6, 4), (6, 3, 3, 2), (2, 2), (1, 1), SAME),
    "depthwise": (
        *("DEPTHWISE_CONV_2D", (1, 7, 6, 4), (1, 3, 3, 4)),
        *((1, 1), (1, 1), SAME),
    ),
    "two filters a channel": (
        *("DEPTHWISE_CONV_2D", (1, 7, 6, 4), (1, 3, 3, 8)),
        *((2, 2), (1, 1), VALID),
    ),
    "dense": ("FULLY_CONNECTED", (1, 9, 4), (5, 4), None, None, None),
    "dense on a map": ("FULLY_CONNECTED", (1, 3, 3, 4), (5, 4), *[None] * 3),
}


@pytest.fixture(params=CASES)
def case(request):
    """A file of one product, its images, and its kernel."""
    kind, shape, kernel, strides, dilations, padding = CASES[request.param]
    rng = np.random.default_rng(0)
    weights = rng.normal(size=kernel)
    outputs = kernel[-1] if kind == "DEPTHWISE_CONV_2D" else kernel[0]
    if kind == "FULLY_CONNECTED":
        options = ("FullyConnectedOptions", {"keepNumDims": True})
        sides = shape[1:-1]
    else:
        options = {
            "strideH": strides[0],
            "strideW": strides[1],
            "dilationHFactor": dilations[0],
            "dilationWFactor": dilations[1],
            "padding": padding,
        }
        if kind == "CONV_2D":
            options = ("Conv2DOptions", options)
        else:
            options["depthMultiplier"] = outputs // shape[-1]
            options = ("DepthwiseConv2DOptions", options)
        covered = [
            (window - 1) * dilation + 1
            for window, dilation in zip(kernel[1:3], dilations, strict=True)
        ]
        sides = [
            -(-(side if padding == SAME else side - window + 1) // stride)
            for side, window, stride in zip(
                shape[1:3], covered, strides, strict=True
            )
        ]
    data = micro_model(
        {
            "image": Tensor(shape),
            "w": Tensor(kernel, values=weights),
            "b": Tensor((outputs,), values=0),
            "y": Tensor((1, *sides, outputs)),
        },
        [(kind, ["image", "w", "b"], ["y"], options)],
        signature="serve",
    )
    images = rng.normal(3, 1, (3, *shape[1:])).astype(np.float32)
    return data, images, weights, CASES[request.param]


def looped_patches(image, kernel, strides, dilations, padding):
    """`(positions, rows, columns, channels)` of one image, one by one."""
    height, width, channels = image.shape
    window = kernel[1:3]
    found = []
    ends = []
    befores = []
    for side, size, stride, dilation in zip(
        (height, width), window, strides, dilations, strict=True
    ):
        covered = (size - 1) * dilation + 1
        if padding == SAME:
            count = -(-side // stride)
            befores.append(max((count - 1) * stride + covered - side, 0) // 2)
        else:
            count = (side - covered) // stride + 1
            befores.append(0)
        ends.append(count)
    for row, column in itertools.product(*map(range, ends)):
        patch = np.zeros((*window, channels))
        for i, j in itertools.product(*map(range, window)):
            y = row * strides[0] - befores[0] + i * dilations[0]
            x = column * strides[1] - befores[1] + j * dilations[1]
            if 0 <= y < height and 0 <= x < width:
                patch[i, j] = image[y, x]
        found.append(patch)
    return np.stack(found)


def by_group(seen, case):
    """`(positions, rows, columns, channels)` as each group sees it."""
    kind, shape, kernel, *_ = case
    groups = shape[-1]
    if kind == "CONV_2D":
        groups = shape[-1] // kernel[-1]
    parts = np.split(seen, groups, axis=-1)
    return np.stack([part.reshape(len(part), -1) for part in parts])


def as_matrices(weights, case):
    """`(groups, outputs, inputs)`."""
    kind, shape, kernel, *_ = case
    if kind == "FULLY_CONNECTED":
        return weights[None]
    if kind == "CONV_2D":
        groups = shape[-1] // kernel[-1]
        return np.stack(
            [part.reshape(len(part), -1) for part in np.split(weights, groups)]
        )
    filters = [weights[0, ..., i].ravel() for i in range(kernel[-1])]
    return np.stack(np.split(np.array(filters), shape[-1]))


def view_of(data):
    model = read_model(data)
    (op,) = model.subgraphs[0].operators
    return model, View.of(model, op)


def test_moments_are_those_of_loops(case):
    data, images, _, geometry = case
    model, view = view_of(data)
    if geometry[0] == "FULLY_CONNECTED":
        seen = images.reshape(1, -1, 4).astype(np.float64)
    else:
        seen = np.concatenate(
            [
                by_group(looped_patches(i, *geometry[2:]), geometry)
                for i in images
            ],
            axis=1,
        )
    ((found, moments),) = observe_moments(model, images, [view])
    assert found == view
    second = seen.swapaxes(1, 2) @ seen / seen.shape[1]
    mean = seen.mean(axis=1)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(moments.second, second, rtol=1e-5)
    covariance = second - mean[:, :, None] * mean[:, None]
    np.testing.assert_allclose(moments.covariance, covariance, atol=1e-5)


def test_products_with_patches_are_those_of_the_runtime(case):
    data, images, weights, geometry = case
    _, view = view_of(data)
    matrices = as_matrices(weights, geometry)
    for image in images:
        (expected,) = tensor_values(data, "y", image[None, None])
        seen = patches(image[None], view).astype(np.float64)
        products = np.einsum("gpi,goi->pgo", seen, matrices)
        np.testing.assert_allclose(
            products.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("shape", [(1, 100, 90, 2), (1, 9000, 2)])
def test_large_inputs_are_seen_on_a_lattice(shape):
    """Every second row and column, or every third token; not the first ones."""
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    seen = patches(values, View(0))
    lattice = values[:, ::2, ::2] if len(shape) == 4 else values[:, ::3]
    assert (seen[0] == lattice.reshape(-1, 2)).all()
    assert 2000 < seen.shape[1] <= 4096


def test_what_is_far_from_zero_keeps_its_variance():
    """In float32 alone, 1e4 squared leaves no digits for it."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, 20, 20, 3))
    data = micro_model(
        {
            "image": Tensor((1, 20, 20, 3)),
            "w": Tensor((2, 1, 1, 3), values=1),
            "y": Tensor((1, 20, 20, 2)),
        },
        [("CONV_2D", ["image", "w"], ["y"], ("Conv2DOptions", {}))],
    )
    model, view = view_of(data)
    images = (1e4 + noise).astype(np.float32)
    ((_, moments),) = observe_moments(model, images, [View(view.tensor)])
    expected = np.cov(images.reshape(-1, 3).T.astype(np.float64), bias=True)
    np.testing.assert_allclose(moments.covariance[0], expected, atol=1e-4)


def test_memory_is_bounded_by_more_passes(tiny_float, monkeypatch):
    """Which give the same moments."""
    model = read_model(tiny_float)
    (graph,) = model.subgraphs
    views = list(
        dict.fromkeys(
            View.of(model, op)
            for op in graph.operators
            if input_moments.op_name(model, op) in PRODUCTS
        )
    )
    assert len(views) > 8
    shape = graph.tensors[int(graph.inputs[0])].shape[1:]
    images = np.random.default_rng(0).uniform(0, 255, (2, *shape))
    whole = dict(observe_moments(model, images, views))
    calls = []
    observe = input_moments.observe_images

    def counted(*arguments):
        calls.append(arguments)
        return observe(*arguments)

    monkeypatch.setattr(input_moments, "observe_images", counted)
    monkeypatch.setattr(input_moments, "_MOST_VALUES", 5000)
    parts = dict(observe_moments(model, images, views))
    assert len(calls) > 3
    assert parts.keys() == whole.keys() == set(views)
    for view, moments in parts.items():
        np.testing.assert_array_equal(moments.second, whole[view].second)


def test_images_that_are_nearly_the_same_have_a_covariance():
    """Of 1,000 with errors of 1e-7, squares have no digit left to tell."""
    data = micro_model(
        {
            "image": Tensor((1, 1, 1, 3)),
            "w": Tensor((2, 1, 1, 3), values=np.ones((2, 1, 1, 3))),
            "b": Tensor((2,), values=0),
            "y": Tensor((1, 1, 1, 2)),
        },
        [
            (
                *("CONV_2D", ["image", "w", "b"], ["y"]),
                ("Conv2DOptions", {"strideW": 1, "strideH": 1}),
            )
        ],
    )
    model = read_model(data)
    (graph,) = model.subgraphs
    rng = np.random.default_rng(0)
    images = 1000 + rng.normal(size=(24, 1, 1, 3)) * 1e-4
    images = images.astype(np.float32)
    view = View.of(model, graph.operators[0])
    ((_, moments),) = observe_moments(model, images, [view])
    expected = np.cov(images.reshape(24, 3).T.astype(np.float64), bias=True)
    np.testing.assert_allclose(moments.covariance[0], expected, rtol=1e-6)
    assert np.linalg.eigvalsh(moments.covariance[0]).min() >= 0
