"""First and second moments of what the weights of a layer are multiplied by.

They tell what an error of the weights costs: for an input x, errors E of a
layer's weights change its outputs by E x, of mean E E[x] and with the power
tr(E E[x xᵀ] Eᵀ). A convolution is a matrix product with patches, so x is one
of them: all inputs that one output sees, zeros of the padding among them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite.flatbuffer import op_name
from keras_mobilevit.tflite.partial_runs import as_inputs, observe_images

# Of a map and image. Only the largest maps have more, whose layers have few
# inputs: 4,096 patches from all over the map settle their moments, and those
# between share most of their pixels with them.
_MOST_POSITIONS = 4096
# Values of float64 in the matrices of one pass over the images: 256 MiB.
_MOST_VALUES = 1 << 25


@dataclasses.dataclass(frozen=True)
class View:
    """How a layer looks at its input; equal ones have equal moments.

    Attributes:
        tensor: Index of the input in the float graph.
        groups: Of channels that filters see alone; of a depthwise convolution
            each channel is one, and a dense layer has a single group.
        window: Height and width.
        strides: In rows and columns.
        dilations: In rows and columns.
        padded: Whether zeros surround the input, as `"SAME"` has it.
    """

    tensor: int
    groups: int = 1
    window: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    padded: bool = False

    @classmethod
    def of(cls, model, op) -> View:
        """The view of a layer with weights, in a float model."""
        (graph,) = model.subgraphs
        tensor, kernel = (int(index) for index in op.inputs[:2])
        kind, options = op_name(model, op), op.builtinOptions
        if kind == "FULLY_CONNECTED":
            return cls(tensor)
        channels = int(graph.tensors[tensor].shape[-1])
        shape = [int(side) for side in graph.tensors[kernel].shape]
        depthwise = kind == "DEPTHWISE_CONV_2D"
        schema = import_optional(
            "ai_edge_litert.schema_py_generated", extra="tflite"
        )
        return cls(
            tensor,
            channels if depthwise else channels // shape[-1],
            (shape[1], shape[2]),
            (options.strideH, options.strideW),
            (options.dilationHFactor, options.dilationWFactor),
            options.padding == schema.Padding.SAME,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """What a layer's inputs are like, over positions and images.

    Attributes:
        mean: `(groups, inputs)`, E[x]; the inputs of a window are in the
            order of rows, columns and channels.
        covariance: `(groups, inputs, inputs)`, of the inputs around their
            mean.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def second(self) -> np.ndarray:
        """`(groups, inputs, inputs)`, E[x xᵀ]."""
        return self.covariance + self.mean[:, :, None] * self.mean[:, None]


def observe_moments(
    model, images: np.ndarray, views: Iterable[View]
) -> Iterator[tuple[View, Moments]]:
    """Yields the moments of each view, in no order that means anything.

    Args:
        model: Float model, as `read_model` gives it.
        images: `(count, height, width, channels)`, pixels in [0, 255]; all of
            them count.
        views: Each once. Large ones are looked at in passes of their own, so
            that memory stays bounded.
    """
    passes = list(_passes(model, views))
    total = len(passes) * len(images)
    with progress_bar(total=total, desc="observing inputs") as bar:
        for some in passes:
            yield from _observe_pass(model, images, some, bar)


def patches(values: np.ndarray, view: View) -> np.ndarray:
    """What the outputs of a layer see of an input.

    Args:
        values: `(images, height, width, channels)`; for a dense layer, any
            shape that ends in the channels.
        view: Of the layer.

    Returns:
        `(groups, positions, inputs)`: all positions, or a regular lattice of
        at most 4,096 of them, at least one of each image.
    """
    if values.ndim != 4:
        values = values.reshape(1, -1, 1, values.shape[-1])
    sides = [
        _positions(side, *geometry, view.padded)
        for side, *geometry in zip(
            values.shape[1:3],
            *(view.window, view.strides, view.dilations),
            strict=True,
        )
    ]
    padding = [(0, 0), *(around for _, around in sides), (0, 0)]
    if any(map(any, padding)):
        values = np.pad(values, padding)
    counts = [count for count, _ in sides]
    step = _lattice_step(len(values), *counts)
    rows, columns = (
        [
            place * dilation + np.arange(0, count, step) * stride
            for place in range(window)
        ]
        for count, window, stride, dilation in zip(
            *(counts, view.window, view.strides, view.dilations), strict=True
        )
    )
    taps = np.stack(
        [values[:, row[:, None], column] for row in rows for column in columns]
    )
    taps = taps.reshape(
        len(taps), -1, view.groups, values.shape[-1] // view.groups
    )
    taps = taps.transpose(2, 1, 0, 3)
    return taps.reshape(*taps.shape[:2], -1)


def _positions(side, window, stride, dilation, padded):
    """Outputs along a side, and zeros before and behind it."""
    covered = (window - 1) * dilation + 1
    if not padded:
        return (side - covered) // stride + 1, (0, 0)
    count = -(-side // stride)
    zeros = max((count - 1) * stride + covered - side, 0)
    return count, (zeros // 2, zeros - zeros // 2)


def _lattice_step(images, height, width):
    step = 1
    while images * -(-height // step) * -(
        -width // step
    ) > _MOST_POSITIONS and step < max(height, width):
        step += 1
    return step


def _passes(model, views: Iterable[View]) -> Iterator[Sequence[View]]:
    """Splits views so that the matrices of a part fit into memory."""
    (graph,) = model.subgraphs
    some, total = [], 0
    for view in views:
        channels = int(graph.tensors[view.tensor].shape[-1])
        inputs = channels // view.groups * int(np.prod(view.window))
        values = view.groups * inputs**2
        if some and total + values > _MOST_VALUES:
            yield some
            some, total = [], 0
        some.append(view)
        total += values
    if some:
        yield some


def _observe_pass(model, images, views, bar):
    means = {view: [] for view in views}
    spreads = {}
    tensors = list(dict.fromkeys(view.tensor for view in views))
    for arrays in _observed(model, images, tensors):
        for view in views:
            # Of one layer and image at a time: they are large.
            seen = patches(arrays[view.tensor], view)
            mean = seen.mean(axis=1, dtype=np.float64)
            # What is far from zero would drown in the float32 product.
            seen -= mean[:, None].astype(np.float32)
            spread = np.matmul(seen.swapaxes(1, 2), seen)
            spread /= seen.shape[1]
            means[view].append(mean)
            if view in spreads:
                spreads[view] += spread
            else:
                spreads[view] = spread.astype(np.float64)
        bar.update()
    for view in views:
        spread = spreads.pop(view)
        yield view, _joined(np.stack(means[view], axis=1), spread)


def _joined(means, spread):
    """Moments of all images.

    Args:
        means: `(groups, images, inputs)`, of each image.
        spread: `(groups, inputs, inputs)`, the sum of their covariances.
    """
    mean = means.mean(axis=1)
    # Not E[x xᵀ] less E[x] E[x]ᵀ: what is left of equal numbers may be less
    # than nothing.
    around = means - mean[:, None]
    spread += np.matmul(around.swapaxes(1, 2), around)
    return Moments(mean, spread / means.shape[1])


def _observed(model, images, tensors):
    """Index of a tensor to its values, image by image."""
    (graph,) = model.subgraphs
    inputs = as_inputs(graph, images)
    made = [tensor for tensor in tensors if tensor not in inputs]
    observed = iter(observe_images(model, images, made)) if made else None
    for place in range(len(images)):
        found = {tensor: values[place] for tensor, values in inputs.items()}
        if observed is not None:
            found.update(zip(made, next(observed), strict=True))
        yield found
