"""Files as objects: nothing is lost, equal vectors are written once."""

import numpy as np
import pytest
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.flatbuffer import (
    constant,
    op_name,
    read_model,
    set_constant,
    tensor_name,
    write_model,
)
from keras_mobilevit.tflite.quantization.quantize import _run_quantizer
from keras_mobilevit.tflite.quantization.recipes import int8

MAP = Tensor((1, 1, 1, 4))
ADD = ("AddOptions", {})


def chain(constants, **options):
    """Adds one constant after the other."""
    tensors, nodes, last = {"x": MAP}, [], "x"
    for index, tensor in enumerate(constants):
        tensors |= {f"c{index}": tensor, f"y{index}": MAP}
        nodes.append(("ADD", [last, f"c{index}"], [f"y{index}"], ADD))
        last = f"y{index}"
    return micro_model(tensors, nodes, **options)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"<html>404</html>", b"PK\3\4"])
def test_what_is_no_tflite_file(data):
    with pytest.raises(ValueError, match="'TFL3' at byte 4. Received: b'"):
        read_model(data)


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_files_that_are_cut_off(
    tiny_float, tiny_parsed, tiny_calibration, part
):
    """The quantizer leaves constants behind the flatbuffer."""
    behind = _run_quantizer(tiny_parsed, int8(), tiny_calibration.ranges)
    for data in (tiny_float, behind):
        read_model(data)
        with pytest.raises(ValueError, match="Expected a complete .tflite"):
            read_model(data[: int(part * len(data))])


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("float32", (0.5, -1, 3e38, 0)),
        ("float16", (0.5, -1, 65504, 0)),
        ("int32", (-(2**31), 2**31 - 1, 0, 1)),
        ("uint8", (0, 255, 1, 2)),
        ("int8", (-128, 127, 0, 1)),
    ],
)
def test_constants(dtype, values):
    model = read_model(
        chain([Tensor((2, 2), dtype, values=[values[:2], values[2:]])])
    )
    (graph,) = model.subgraphs
    found = constant(model, graph, 1)
    assert (found.dtype, found.shape) == (dtype, (2, 2))
    assert found.ravel().tolist() == list(np.array(values, dtype))
    set_constant(model, graph, 1, found[::-1])
    model = read_model(write_model(model))
    found = constant(model, model.subgraphs[0], 1)
    assert found.ravel().tolist() == list(np.array(values, dtype)[[2, 3, 0, 1]])


def test_activations_are_no_constants():
    model = read_model(chain([Tensor((4,), values=1)]))
    (graph,) = model.subgraphs
    assert constant(model, graph, 0) is constant(model, graph, 2) is None
    assert [tensor_name(graph, i) for i in range(3)] == ["x", "c0", "y0"]


def test_operations_by_name_in_old_and_new_files():
    """Before 2020 only the older field had the code."""
    model = read_model(chain([Tensor((4,), values=1)]))
    (op,), (code,) = model.subgraphs[0].operators, model.operatorCodes
    assert op_name(model, op) == "ADD"
    code.builtinCode = 0
    code.deprecatedBuiltinCode = 3
    assert op_name(model, op) == "CONV_2D"
    # What came later does not fit into the older one.
    code.deprecatedBuiltinCode, code.builtinCode = 127, 150
    assert op_name(model, op) == "GELU"


def test_equal_vectors_are_written_once():
    """Forty tensors of a thousand channels with the same scales."""
    channels = 1000
    scales = np.linspace(0.1, 1, channels, dtype=np.float32)
    tensors = [
        Tensor((channels,), "int8", scale=tuple(scales), values=index)
        for index in range(40)
    ]
    data = chain(tensors)
    # Zero points have 8 bytes, scales 4, and the values differ.
    once = 12 * channels + 40 * channels
    assert once < len(data) < once + 40 * 500
    model = read_model(data)
    (graph,) = model.subgraphs
    for index in range(40):
        tensor = graph.tensors[1 + 2 * index]
        np.testing.assert_array_equal(tensor.quantization.scale, scales)
        assert not tensor.quantization.zeroPoint.any()
        assert set(constant(model, graph, 1 + 2 * index)) == {index}


def test_vectors_of_the_same_bytes_but_of_other_types():
    """1.0 in float32 is 1065353216 in int32; both are read as they were."""
    tensors = [
        Tensor((1,), "int8", scale=1.0, zero_point=0, values=0),
        Tensor((1,), "int32", values=1065353216),
        Tensor((1,), values=1.0),
    ]
    model = read_model(chain(tensors))
    (graph,) = model.subgraphs
    assert graph.tensors[1].quantization.scale.tolist() == [1.0]
    assert constant(model, graph, 3).tolist() == [1065353216]
    assert constant(model, graph, 5).tolist() == [1.0]


def test_constants_behind_the_flatbuffer():
    """There the quantizer keeps them; here they come back inside."""
    values = np.arange(4, dtype=np.float32)
    model = read_model(chain([Tensor((4,), values=values)]))
    (graph,) = model.subgraphs
    buffer = model.buffers[graph.tensors[1].buffer]
    buffer.data, buffer.size = None, values.nbytes
    # Any number, to find the length: it does not depend on it.
    buffer.offset = 1 << 20
    buffer.offset = len(write_model(model))
    model = read_model(write_model(model) + values.tobytes() + b"metadata")
    (graph,) = model.subgraphs
    assert constant(model, graph, 1).tolist() == values.tolist()
    moved = read_model(write_model(model))
    buffer = moved.buffers[moved.subgraphs[0].tensors[1].buffer]
    assert (buffer.offset, buffer.size) == (0, 0)
    assert buffer.data.tobytes() == values.tobytes()


def test_a_whole_model_survives(files):
    """Signature and metadata too; a second time nothing moves any more."""
    for recipe in ("float32", "int8"):
        data = write_model(read_model(files[recipe].read_bytes()))
        assert write_model(read_model(data)) == data
        model = read_model(data)
        assert model.signatureDefs[0].signatureKey == b"serve"
        assert len(model.subgraphs[0].operators) > 400
