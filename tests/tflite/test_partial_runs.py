"""Parts of a graph give what the whole gives."""

import numpy as np
import pytest
from expansion_graph import decibels, index_of, tensor_values
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.partial_runs import (
    as_inputs,
    last_uses,
    observe,
    observe_images,
    unpacks_weights,
)
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import (
    dynamic,
    int8,
    int8_full,
)
from keras_mobilevit.tflite.scoring import predict_all

IMAGES = np.stack(make_images(4, TINY_SIZE, seed=5))
# A sum, a convolution, what is beside a concatenation, a dense layer.
SEEN = (
    "stage0_ir/add",
    "stage1_ir/depthwise/depthwise_conv_2d",
    "stage2_block/project_out/mul",
    "predictions/fully_connected",
)


@pytest.fixture(scope="module")
def tiny_int8(tiny_float, tiny_calibration):
    return quantize(tiny_float, int8(), tiny_calibration)


def in_steps(data, cuts):
    """Runs a graph piece by piece; index of each activation -> values."""
    model = read_model(data)
    (graph,) = model.subgraphs
    values = as_inputs(graph, IMAGES)
    count = len(graph.operators)
    for begin, end in zip((0, *cuts), (*cuts, count), strict=True):
        part = graph.operators[begin:end]
        wanted = [
            int(t)
            for op in part
            if not unpacks_weights(model, op)
            for t in op.outputs
        ]
        found = list(observe(model, part, values, wanted))
        values |= {t: [row[i] for row in found] for i, t in enumerate(wanted)}
    return graph, values


def test_a_whole_float_file_shows_what_is_inside(tiny_float):
    model = read_model(tiny_float)
    wanted = [index_of(tiny_float, name) for name in SEEN]
    found = list(observe_images(model, IMAGES, wanted))
    assert len(found) == len(IMAGES)
    for place, name in enumerate(SEEN):
        expected = tensor_values(tiny_float, name, IMAGES[:, None])
        actual = np.concatenate([row[place] for row in found])
        assert decibels(expected, actual) > 110


@pytest.mark.parametrize("size", [1, 7, 30])
def test_parts_of_a_float_file_give_what_the_whole_gives(tiny_float, size):
    count = len(read_model(tiny_float).subgraphs[0].operators)
    graph, values = in_steps(tiny_float, range(size, count, size))
    (output,) = graph.outputs
    expected = predict_all(tiny_float, IMAGES)
    assert decibels(expected, np.concatenate(values[int(output)])) > 110
    for name in SEEN:
        expected = tensor_values(tiny_float, name, IMAGES[:, None])
        actual = np.concatenate(values[index_of(tiny_float, name)])
        assert decibels(expected, actual) > 110


def test_parts_of_an_int8_file_give_what_the_whole_gives(tiny_int8):
    """Every single operation on its own; its logits are those of XNNPACK."""
    (graph,) = read_model(tiny_int8).subgraphs
    cuts = [
        place
        for place, op in enumerate(graph.operators)
        if place and not unpacks_weights(read_model(tiny_int8), op)
    ]
    graph, values = in_steps(tiny_int8, cuts)
    (output,) = graph.outputs
    expected = predict_all(tiny_int8, IMAGES)
    actual = np.concatenate(values[int(output)])
    assert actual.dtype == np.float32
    assert decibels(expected, actual) > 110


@pytest.mark.parametrize("recipe", [int8_full(), dynamic()], ids=str)
def test_other_files_are_run_in_halves(tiny_float, tiny_calibration, recipe):
    calibration = tiny_calibration if recipe.needs_calibration else None
    data = quantize(tiny_float, recipe, calibration)
    model = read_model(data)
    graph, values = in_steps(data, [len(model.subgraphs[0].operators) // 2])
    tensor = graph.tensors[int(graph.outputs[0])]
    actual = np.concatenate(values[int(graph.outputs[0])])
    if tensor.type != FLOAT32:
        (scale,) = tensor.quantization.scale
        actual = (actual - tensor.quantization.zeroPoint[0]) * scale
    np.testing.assert_allclose(
        actual, predict_all(data, IMAGES), rtol=1e-5, atol=1e-6
    )


def test_images_are_rounded_to_the_type_of_the_input(
    tiny_float, tiny_calibration
):
    data = quantize(tiny_float, int8_full(), tiny_calibration)
    (graph,) = read_model(data).subgraphs
    (arrays,) = as_inputs(graph, IMAGES).values()
    # Pixels have the range [0, 255]: each has a step of its own.
    for image, array in zip(IMAGES, arrays, strict=True):
        assert array.dtype == np.int8
        assert (array[0] == image.astype(int) - 128).all()
    (graph,) = read_model(tiny_float).subgraphs
    (arrays,) = as_inputs(graph, IMAGES).values()
    assert arrays[2].dtype == np.float32 and (arrays[2][0] == IMAGES[2]).all()


def test_last_uses(tiny_float):
    """The input of a shortcut is used up by the sum."""
    (graph,) = read_model(tiny_float).subgraphs
    last = last_uses(graph)
    place = last[index_of(tiny_float, "stem/mul")]
    output = int(graph.operators[place].outputs[0])
    assert tensor_name(graph, output) == "stage0_ir/add"
    assert int(graph.outputs[0]) not in last
