"""uint8 ends and int8 moves: the same numbers through fewer floats."""

import dataclasses

import numpy as np
import pytest
from edited import edited, repacked
from micro_model import Tensor, micro_model
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    INT8,
    op_name,
    read_model,
    write_model,
)
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.quantization.integer_io import (
    keep_moves_int8,
    use_uint8,
)
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8, int8_full

SIDES = (1, 16, 16, 1)
BYTES = np.arange(256).reshape(SIDES)
DEQUANTIZE = ("DEQUANTIZE", ["x"], ["y"], ("DequantizeOptions", {}))
QUANTIZE = ("QUANTIZE", ["x"], ["y"], ("QuantizeOptions", {}))


def run(data, values):
    """Feeds a file as it is; returns its outputs as they are, by name."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(model_content=data)
    runner = interpreter.get_signature_runner()
    ((name, details),) = runner.get_input_details().items()
    assert details["dtype"] == values.dtype
    return runner(**{name: values})


def operations(data):
    model = read_model(data)
    return [op_name(model, op) for op in model.subgraphs[0].operators]


# === Ends ===


@pytest.mark.parametrize(("scale", "zero_point"), [(1, -128), (0.5, 3)])
def test_uint8_inputs(scale, zero_point):
    """Each of the 256 values stands for the number that it stood for."""
    x = Tensor(SIDES, "int8", scale=scale, zero_point=zero_point)
    data = micro_model(
        {"x": x, "y": Tensor(SIDES)}, [DEQUANTIZE], signature="serve"
    )
    data = edited(use_uint8, data, inputs=True, outputs=False)
    assert operations(data) == ["QUANTIZE", "DEQUANTIZE"]
    outputs = run(data, BYTES.astype(np.uint8))
    assert outputs.keys() == {"y_name"}
    expected = scale * (BYTES - (zero_point + 128))
    np.testing.assert_array_equal(outputs["y_name"], expected)


@pytest.mark.parametrize(("scale", "zero_point"), [(1, -128), (0.5, 3)])
def test_uint8_outputs(scale, zero_point):
    y = Tensor(SIDES, "int8", scale=scale, zero_point=zero_point)
    data = micro_model(
        {"x": Tensor(SIDES), "y": y}, [QUANTIZE], signature="serve"
    )
    data = edited(use_uint8, data, inputs=False, outputs=True)
    assert operations(data) == ["QUANTIZE", "QUANTIZE"]
    numbers = scale * (BYTES - (zero_point + 128))
    output = run(data, numbers.astype(np.float32))["y_name"]
    assert output.dtype == np.uint8
    np.testing.assert_array_equal(output, BYTES)


def test_several_outputs_of_which_one_is_used_again():
    x = Tensor(SIDES, "int8", scale=1.0, zero_point=-128)
    fine = Tensor(SIDES, "int8", scale=0.5, zero_point=-128)
    nodes = [
        ("QUANTIZE", ["x"], ["y"], ("QuantizeOptions", {})),
        ("QUANTIZE", ["y"], ["z"], ("QuantizeOptions", {})),
        ("QUANTIZE", ["x"], ["last"], ("QuantizeOptions", {})),
    ]
    model = read_model(
        micro_model({"x": x, "y": fine, "z": x, "last": x}, nodes)
    )
    # y as an output, and not only as what z is made of.
    (graph,) = model.subgraphs
    graph.outputs = np.array([1, 2, 3], np.int32)
    data = edited(use_uint8, write_model(model), inputs=True, outputs=True)
    (graph,) = read_model(data).subgraphs
    names = [graph.tensors[i].name for i in (*graph.inputs, *graph.outputs)]
    assert names == [b"x", b"y", b"z", b"last"]
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], BYTES.astype(np.uint8))
    interpreter.invoke()
    y, z, last = (
        interpreter.get_tensor(details["index"])
        for details in interpreter.get_output_details()
    )
    np.testing.assert_array_equal(y, np.minimum(2 * BYTES, 255))
    np.testing.assert_array_equal(z, np.minimum(BYTES, 128))
    np.testing.assert_array_equal(last, BYTES)


def test_ends_that_stay(tiny_float):
    data = edited(use_uint8, tiny_float, inputs=False, outputs=False)
    assert operations(data) == operations(tiny_float)


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_ends_beside_float_layers(tiny_float, tiny_calibration, kind):
    """A layer that moves to float does not take the file's end with it."""
    for scope in (".*", r"^(preprocessing|predictions|output)\b"):
        recipe = dataclasses.replace(
            int8(),
            input_type=kind,
            output_type=kind,
            skip_layers=(*int8().skip_layers, scope),
        )
        data = quantize(tiny_float, recipe, tiny_calibration)
        graph = read_graph(data)
        assert [t.dtype for t in (*graph.inputs, *graph.outputs)] == [kind] * 2


@pytest.fixture(scope="module")
def variants(tiny_float, tiny_calibration):
    """`(input_type, output_type)` -> file."""
    return {
        ends: quantize(
            tiny_float,
            dataclasses.replace(
                int8(), input_type=ends[0], output_type=ends[1]
            ),
            tiny_calibration,
        )
        for ends in [
            ("float32", "float32"),
            ("int8", "float32"),
            ("uint8", "float32"),
            ("float32", "int8"),
            ("float32", "uint8"),
            ("uint8", "uint8"),
            ("int8", "int8"),
        ]
    }


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_integer_inputs_give_what_float_inputs_give(variants, kind):
    """Pixels are whole numbers: they lose nothing."""
    shift = {"int8": 128, "uint8": 0}[kind]
    for image in make_images(3, TINY_SIZE, seed=5):
        expected = run(
            variants["float32", "float32"], image[None].astype(np.float32)
        )
        pixels = (image[None].astype(int) - shift).astype(kind)
        found = run(variants[kind, "float32"], pixels)
        np.testing.assert_array_equal(found["output"], expected["output"])


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_integer_outputs_are_rounded_probabilities(variants, kind):
    """In steps of 1/255 from 0 to 1, whatever the calibration has seen."""
    shift = {"int8": 128, "uint8": 0}[kind]
    for image in make_images(3, TINY_SIZE, seed=5):
        pixels = image[None].astype(np.float32)
        expected = run(variants["float32", "float32"], pixels)["output"]
        found = run(variants["float32", kind], pixels)["output"]
        assert found.dtype == kind
        steps = np.round(255 * expected)
        np.testing.assert_array_equal(found.astype(int) + shift, steps)


def test_both_ends_as_integers(variants):
    for image in make_images(3, TINY_SIZE, seed=5):
        expected = run(
            variants["int8", "int8"],
            (image[None].astype(int) - 128).astype(np.int8),
        )
        found = run(variants["uint8", "uint8"], image[None])
        np.testing.assert_array_equal(
            found["output"].astype(int) - 128, expected["output"]
        )


# === Moves ===

SHUFFLE = ("DepthToSpaceOptions", {"blockSize": 2})
COARSE = Tensor((1, 1, 1, 4), "int8", scale=0.5, zero_point=-8)
FINE = Tensor((1, 2, 2, 1), "int8", scale=0.25, zero_point=4)
MOVED = [
    ("DEQUANTIZE", ["x"], ["a"], ("DequantizeOptions", {})),
    ("RESHAPE", ["a"], ["b"], ("ReshapeOptions", {"newShape": (1, 1, 1, 4)})),
    ("DEPTH_TO_SPACE", ["b"], ["c"], SHUFFLE),
    ("QUANTIZE", ["c"], ["y"], ("QuantizeOptions", {})),
]


def moving_model(nodes=MOVED, outputs=(), **tensors):
    """int8 in steps of 1/2 to floats, moved, to int8 in steps of 1/4."""
    tensors = {
        "x": Tensor((1, 4), "int8", scale=0.5, zero_point=-8),
        "a": Tensor((1, 4)),
        "b": Tensor((1, 1, 1, 4)),
        "c": Tensor((1, 2, 2, 1)),
        "y": FINE,
        **tensors,
    }
    model = read_model(micro_model(tensors, nodes, signature="serve"))
    (graph,) = model.subgraphs
    names = list(tensors)
    graph.outputs = [*graph.outputs, *(names.index(name) for name in outputs)]
    return write_model(model)


def test_moves_between_int8_become_int8():
    data = moving_model()
    kept = edited(keep_moves_int8, data)
    assert operations(kept) == ["RESHAPE", "DEPTH_TO_SPACE", "QUANTIZE"]
    (graph,) = read_model(kept).subgraphs
    for tensor in graph.tensors:
        if tensor.name in (b"b", b"c"):
            assert tensor.type == INT8
            assert tensor.quantization.scale.tolist() == [0.5]
            assert tensor.quantization.zeroPoint.tolist() == [-8]
    values = np.array([[-8, -7, 0, 20]], np.int8)
    for file in (data, kept):
        output = run(file, values)["y_name"]
        # 0, 1/2, 4 and 14 in steps of 1/4 from -4 on.
        assert output.ravel().tolist() == [4, 6, 20, 60]


@pytest.mark.parametrize(
    "data",
    [
        # Something is computed on the way.
        moving_model(
            [
                *MOVED[:2],
                ("RELU", ["b"], ["d"], None),
                ("DEPTH_TO_SPACE", ["d"], ["c"], SHUFFLE),
                MOVED[3],
            ],
            d=Tensor((1, 1, 1, 4)),
        ),
        # Another operation wants the floats.
        moving_model(
            [*MOVED, ("RELU", ["b"], ["d"], None)], d=Tensor((1, 1, 1, 4))
        ),
        moving_model([*MOVED, ("RELU", ["a"], ["d"], None)], d=Tensor((1, 4))),
        # The caller wants them.
        moving_model(outputs=["c"]),
        moving_model(outputs=["a"]),
        # They are computed in float.
        moving_model(
            [("RELU", ["x"], ["a"], None), *MOVED[1:]], x=Tensor((1, 4))
        ),
        # They come from outside.
        moving_model(MOVED[1:]),
        # Nothing is moved.
        moving_model(
            [MOVED[0], ("QUANTIZE", ["a"], ["y"], ("QuantizeOptions", {}))],
            y=Tensor((1, 4), "int8", scale=0.25),
        ),
    ],
)
def test_moves_that_stay_float(data):
    assert edited(keep_moves_int8, data) == repacked(data)


def test_int8_full_has_no_float_moves(files, tiny_float, tiny_calibration):
    tiny_full = quantize(tiny_float, int8_full(), tiny_calibration)
    for data in (files["int8_full"].read_bytes(), tiny_full):
        model = read_model(data)
        (graph,) = model.subgraphs
        types = {
            graph.tensors[tensor].type
            for op in graph.operators
            if op_name(model, op) == "DEPTH_TO_SPACE"
            for tensor in (*op.inputs, *op.outputs)
        }
        assert types == {INT8}


def test_int8_folds_floats(tiny_float, tiny_calibration):
    """They come out of a norm: there is nothing to keep."""
    model = read_model(quantize(tiny_float, int8(), tiny_calibration))
    (graph,) = model.subgraphs
    (fold,) = (
        op for op in graph.operators if op_name(model, op) == "DEPTH_TO_SPACE"
    )
    assert graph.tensors[fold.inputs[0]].type == FLOAT32
