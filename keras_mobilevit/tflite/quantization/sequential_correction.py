"""Biases that make up for the mean error of all that comes before.

`bias_correction` takes away the mean error of a layer's own rounded weights.
What is left are the errors of the layers before it, and those of clipped and
rounded activations, and they add up on the way to the outputs. Here the layers
of the int8 file are run one after the other, on XNNPACK's own kernels: the mean
of each channel is compared with that of the float file, and its bias corrected,
before the next layer sees it. Nagel et al., "Data-Free Quantization Through
Weight Equalization and Bias Correction" (2019), call it empirical bias
correction.
"""

from __future__ import annotations

import numpy as np

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    constant,
    set_constant,
    tensor_name,
)
from keras_mobilevit.tflite.partial_runs import (
    as_inputs,
    last_uses,
    observe,
    observe_images,
    unpacks_weights,
)
from keras_mobilevit.tflite.quantization.bias_correction import (
    in_steps,
    is_int8_product,
)
from keras_mobilevit.tflite.quantization.even_choice import evenly

# Of the images that calibrate. On two real fine-tunes, 20 images gave 0.1 dB
# more and 0.9 dB less than these, and 80 gave 0.1 and 0.3 dB more.
MOST_IMAGES = 40


def correct_biases_in_sequence(model, source, images: np.ndarray) -> None:
    """Corrects the biases of a static int8 graph, one layer after the other.

    Args:
        model: Quantized from `source`, with its names, as `read_model` gives
            it; edited in place.
        source: The float32 model, which stays as it is.
        images: `(count, height, width, channels)`, pixels in [0, 255]; of
            more than `MOST_IMAGES`, so many are taken evenly.
    """
    images = evenly(images, MOST_IMAGES)
    (graph,) = model.subgraphs
    means = _float_means(model, source, images)
    values = as_inputs(graph, images)
    last = last_uses(graph)
    begin = 0
    for place, op in enumerate(
        progress_bar(graph.operators, desc="correcting biases")
    ):
        output = int(op.outputs[0])
        mean = means.get(output)
        if mean is None:
            continue
        _run(model, graph.operators[begin:place], values, last, place)
        error = _mean_error(model, op, values, mean)
        _shift(model, op, error)
        begin = place


def _float_means(model, source, images):
    """Index of an int8 product's output to its channels' means in float.

    Values beyond the int8 range count as its ends. A shift of all values would
    not bring those back that were clipped, nor those that may be: what a
    sigmoid does not tell apart.
    """
    (graph,), (source_graph,) = model.subgraphs, source.subgraphs
    sources = {
        tensor_name(source_graph, int(op.outputs[0])): int(op.outputs[0])
        for op in source_graph.operators
    }
    pairs = {}
    for op in graph.operators:
        output = int(op.outputs[0])
        name = tensor_name(graph, output)
        if (
            is_int8_product(model, graph, op)
            and name in sources
            and graph.tensors[output].type == INT8
        ):
            pairs[output] = sources[name]
    if not pairs:
        return {}
    totals = dict.fromkeys(pairs, 0.0)
    ends = [_ends(graph.tensors[output]) for output in pairs]
    for observed in observe_images(source, images, list(pairs.values())):
        for output, array, (low, high) in zip(
            pairs, observed, ends, strict=True
        ):
            totals[output] += _channel_means(np.clip(array, low, high))
    return {output: total / len(images) for output, total in totals.items()}


def _ends(tensor):
    """Smallest and largest value of an int8 tensor."""
    scale = tensor.quantization.scale[0]
    zero_point = tensor.quantization.zeroPoint[0]
    return scale * (-128 - zero_point), scale * (127 - zero_point)


def _run(model, operations, values, last, place):
    """Adds what is read from `place` on, and drops what is not."""
    wanted = [
        int(tensor)
        for op in operations
        if not unpacks_weights(model, op)
        for tensor in op.outputs
        if last.get(int(tensor), -1) >= place
    ]
    if wanted:
        found = [[] for _ in wanted]
        for observed in observe(model, operations, values, wanted):
            for arrays, array in zip(found, observed, strict=True):
                arrays.append(array)
        values.update(zip(wanted, found, strict=True))
    for tensor in [t for t in values if last.get(t, -1) < place]:
        del values[tensor]


def _mean_error(model, op, values, mean):
    (graph,) = model.subgraphs
    output = int(op.outputs[0])
    quantization = graph.tensors[output].quantization
    total, count = 0.0, 0
    for (array,) in observe(model, [op], values, [output]):
        total = total + _channel_means(array)
        count += 1
    found = (total / count - quantization.zeroPoint[0]) * quantization.scale[0]
    return mean - found


def _shift(model, op, error):
    (graph,) = model.subgraphs
    bias = int(op.inputs[2])
    step = graph.tensors[bias].quantization.scale
    shifted = constant(model, graph, bias) * np.float64(step) + error
    set_constant(model, graph, bias, in_steps(shifted, step))


def _channel_means(array):
    return array.mean(axis=tuple(range(array.ndim - 1)), dtype=np.float64)
