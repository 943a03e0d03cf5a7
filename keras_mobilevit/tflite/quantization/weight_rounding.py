"""int8 weights that fit the inputs they are multiplied by.

Two things are lost when each weight is rounded to the nearest step. Most inputs
are positive, so the errors of a filter's weights add up to an offset that is
the same everywhere; the bias can take it back, as in `bias_correction`. And
where inputs vary together, errors could cancel, and do so only by luck;
`gptq` chooses the integers so that they do. The scales stay as they are, so a
file is as large and as fast as before.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from keras_mobilevit.tflite.editing import (
    add_tensor,
    as_indices,
    remove_unused,
    replace_constant,
)
from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    INT32,
    PRODUCTS,
    constant,
    is_constant,
    op_name,
    tensor_name,
)
from keras_mobilevit.tflite.quantization.bias_correction import in_steps
from keras_mobilevit.tflite.quantization.even_choice import evenly
from keras_mobilevit.tflite.quantization.gptq import round_together
from keras_mobilevit.tflite.quantization.input_moments import (
    Moments,
    View,
    observe_moments,
)

# Of the images that calibrate: the matrices settle early, and each image costs
# as many products as an inference.
MOST_IMAGES = 24


def round_weights(model, source, images: np.ndarray) -> None:
    """Chooses int8 weights by their inputs, and corrects the biases, in place.

    The integers are others, of the same scales. Each bias is that of the float
    model, plus `(W - Wq) E[x]`. A kernel that several layers share stays as it
    is, and so does a layer that is in only one of the models.

    Args:
        model: Quantized from `source`, with its names, as `read_model` gives
            it. Its int8 weights are constants, read directly or through a
            `DEQUANTIZE`. Activations may be float, or int8 by ranges of each
            picture or of calibration.
        source: The float32 model, which stays as it is.
        images: `(count, height, width, channels)`, pixels in [0, 255]; of
            more than `MOST_IMAGES`, so many are taken evenly.

    Raises:
        ValueError: If there are no images.
    """
    if not len(images):
        raise ValueError(
            "Weights are rounded by what images show of their inputs. "
            "Received: no images. Give at least one, better a hundred, or "
            "leave `moment_rounding` of the recipe out."
        )
    layers: dict[View, list[_Layer]] = {}
    for layer in _layers(model, source):
        view = View.of(source, layer.original)
        layers.setdefault(view, []).append(layer)
    if not layers:
        return
    chosen = evenly(images, MOST_IMAGES)
    for view, moments in observe_moments(source, chosen, layers):
        for layer in layers[view]:
            _round(model, source, layer, moments)
    remove_unused(model)


@dataclasses.dataclass(frozen=True, eq=False)
class _Layer:
    """A product of the quantized file.

    Attributes:
        op: The operation.
        original: That of the float file.
        kernel: Index of the int8 constant.
    """

    op: Any
    original: Any
    kernel: int


def _layers(model, source):
    (graph,), (source_graph,) = model.subgraphs, source.subgraphs
    originals = {
        tensor_name(source_graph, op.outputs[0]): op
        for op in source_graph.operators
        if op_name(source, op) in PRODUCTS
        and is_constant(source, source_graph, op.inputs[1])
    }
    producers = {int(t): op for op in graph.operators for t in op.outputs}
    found = []
    for op in graph.operators:
        original = originals.get(tensor_name(graph, op.outputs[0]))
        if original is None or op_name(model, op) not in PRODUCTS:
            continue
        kernel = int(op.inputs[1])
        unpacking = producers.get(kernel)
        if unpacking is not None and op_name(model, unpacking) == "DEQUANTIZE":
            kernel = int(unpacking.inputs[0])
        if graph.tensors[kernel].type == INT8 and is_constant(
            model, graph, kernel
        ):
            found.append(_Layer(op, original, kernel))
    kernels = [layer.kernel for layer in found]
    return [layer for layer in found if kernels.count(layer.kernel) == 1]


def _round(model, source, layer: _Layer, moments: Moments) -> None:
    (graph,), (source_graph,) = model.subgraphs, source.subgraphs
    exact = constant(source, source_graph, layer.original.inputs[1])
    depthwise = op_name(model, layer.op) == "DEPTHWISE_CONV_2D"
    groups = len(moments.mean)
    weights = _as_matrices(exact.astype(np.float64), groups, depthwise)
    scales = np.asarray(graph.tensors[layer.kernel].quantization.scale)
    scales = np.broadcast_to(scales, weights[..., 0].size)
    scales = scales.reshape(weights.shape[:2]).astype(np.float64)
    has_bias = _bias(model, layer.op) is not None
    # The bias takes the mean of what is left: only what varies costs.
    second = moments.covariance if has_bias else moments.second
    rounded = round_together(weights, scales, second)
    replace_constant(
        model, layer.kernel, _as_kernel(rounded, exact.shape, depthwise)
    )
    if has_bias:
        errors = weights - rounded * scales[..., None]
        offsets = np.einsum("goi,gi->go", errors, moments.mean).ravel()
        bias = _bias(source, layer.original)
        _set_bias(model, layer.op, offsets if bias is None else bias + offsets)


def _as_matrices(kernel, groups, depthwise):
    """A kernel as `(groups, outputs, inputs)`."""
    if depthwise:
        # The filters of a channel are side by side.
        _, height, width, outputs = kernel.shape
        kernel = kernel.reshape(height * width, groups, outputs // groups)
        return kernel.transpose(1, 2, 0)
    return kernel.reshape(groups, len(kernel) // groups, -1)


def _as_kernel(matrices, shape, depthwise):
    if depthwise:
        matrices = matrices.transpose(2, 0, 1)
    return np.ascontiguousarray(matrices.reshape(shape))


def _bias(model, op):
    """A constant bias, as stored."""
    (graph,) = model.subgraphs
    if len(op.inputs) < 3 or op.inputs[2] < 0:
        return None
    return constant(model, graph, op.inputs[2])


def _set_bias(model, op, values):
    """Sets a bias, in floats or in the steps of an int32 constant."""
    (graph,) = model.subgraphs
    bias = int(op.inputs[2])
    tensor = graph.tensors[bias]
    if tensor.type == INT32:
        values = in_steps(values, tensor.quantization.scale)
    else:
        values = values.astype(np.float32)
    if sum(bias in other.inputs for other in graph.operators) == 1:
        replace_constant(model, bias, values)
        return
    # The converter lets layers share a bias of zeros.
    own = add_tensor(
        *(model, f"{tensor_name(graph, op.outputs[0])}/bias"),
        *(tensor.type, values.shape, values),
    )
    graph.tensors[own].quantization = copy.deepcopy(tensor.quantization)
    op.inputs = as_indices([*op.inputs[:2], own, *op.inputs[3:]])
