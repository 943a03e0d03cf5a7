"""SQNR by tensor, against values computed by hand and by NumPy."""

import dataclasses
import re

import numpy as np
import pytest
from micro_model import Tensor, micro_model
from small_model import SIZE, make_images

from keras_mobilevit.tflite.flatbuffer import (
    op_name,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.quantization.calibration import calibrate
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8
from keras_mobilevit.tflite.quantization_debugging.tensor_noise import (
    TensorFidelity,
    by_layer,
    compare_tensors,
    noisiest_ops,
    sample_values,
)
from keras_mobilevit.tflite.tensor_names import is_balanced, layer_of

IMAGE = np.arange(24).reshape(2, 4, 3) // 3
BLACK = np.zeros((*SIZE, 3), np.uint8)


def sqnr(reference, actual):
    noise = np.sum((actual - reference) ** 2)
    return 10 * np.log10(np.sum(reference**2) / noise)


@pytest.fixture(scope="module")
def squared_sigmoid():
    """sigmoid(x)², as a float and as an int8 file: two roundings."""
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec((1, *IMAGE.shape))])
    def function(x):
        y = tf.sigmoid(x)
        return y * y

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    float_model = converter.convert()
    calibration = calibrate(float_model, IMAGE[None])
    return float_model, quantize(float_model, int8(), calibration)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integer_inputs_and_outputs(squared_sigmoid, dtype):
    """They are the same roundings, in other places."""
    float_model, _ = squared_sigmoid
    recipe = dataclasses.replace(int8(), input_type=dtype, output_type=dtype)
    calibration = calibrate(float_model, IMAGE[None])
    model = quantize(float_model, recipe, calibration)
    tensors = compare_tensors(float_model, model, [IMAGE])
    assert tensors[-1].dtype == dtype
    expected = compare_tensors(*squared_sigmoid, [IMAGE])[-1]
    assert tensors[-1].sqnr == pytest.approx(expected.sqnr, abs=1e-6)


def exact_and_rounded():
    """TFLite fixes the int8 scale of a sigmoid: 1/256, from 0 to 255/256."""
    exact = 1 / (1 + np.exp(-IMAGE.astype(float)))
    return exact, np.minimum(np.round(exact * 256), 255) / 256


def test_first_rounding(squared_sigmoid):
    image, sigmoid, _ = compare_tensors(*squared_sigmoid, [IMAGE])
    # Pixels are whole numbers, and so is the step of the input.
    assert (image.op, image.sqnr) == ("QUANTIZE", float("inf"))
    expected = sqnr(*exact_and_rounded())
    assert (sigmoid.op, sigmoid.dtype) == ("LOGISTIC", "int8")
    assert sigmoid.sqnr == pytest.approx(expected, abs=1e-3)
    assert sigmoid.local_sqnr == pytest.approx(expected, abs=1e-3)
    exact, _ = exact_and_rounded()
    assert sigmoid.rounding_sqnr == pytest.approx(
        10 * np.log10(np.mean(exact**2) * 12 * 256**2), abs=1e-3
    )


def test_local_noise_leaves_out_what_came_in(squared_sigmoid):
    *_, product = compare_tensors(*squared_sigmoid, [IMAGE])
    values = sample_values(*squared_sigmoid, [IMAGE], [product.name])
    expected, actual = values[product.name]
    exact, rounded = (y.ravel() for y in exact_and_rounded())
    np.testing.assert_allclose(expected, exact**2, rtol=1e-6)
    assert product.sqnr == pytest.approx(sqnr(exact**2, actual), abs=1e-3)
    local_noise = np.sum((actual - rounded**2) ** 2)
    assert product.local_sqnr == pytest.approx(
        10 * np.log10(np.sum(exact**4) / local_noise), abs=1e-3
    )
    assert product.local_sqnr > product.sqnr + 3


def test_images_add_up(squared_sigmoid):
    """An image that comes twice doubles signal and noise alike."""
    once = compare_tensors(*squared_sigmoid, [IMAGE])
    assert compare_tensors(*squared_sigmoid, [IMAGE, IMAGE]) == once
    assert compare_tensors(*squared_sigmoid, [IMAGE, 2 * IMAGE]) != once


@pytest.fixture(scope="module")
def tensors(files):
    images = make_images(2, seed=5)
    return compare_tensors(files["float32"], files["int8"], images)


def test_every_operation_is_there_in_order(tensors, files):
    model = read_model(files["int8"].read_bytes())
    (graph,) = model.subgraphs
    names = [
        tensor_name(graph, op.outputs[0])
        for op in graph.operators
        if op_name(model, op) != "DEQUANTIZE"
    ]
    found = [tensor.name for tensor in tensors]
    # Those of balanced layers are scaled.
    balanced = {layer_of(name) for name in names if is_balanced(name)}
    names = [name for name in names if layer_of(name) not in balanced]
    left_out = [name for name in names if name not in found]
    assert found == [name for name in names if name in found]
    # Roots and softmax are made of other operations there, 21 and 9 times.
    rewritten = re.compile(
        r"/rsqrt(/(near|rest|twice))?$|/softmax/integer/\w+$|/batch_matmul_1$"
    )
    assert all(rewritten.search(name) for name in left_out)
    assert sum(name.endswith("/rsqrt") for name in left_out) == 21
    assert sum(name.endswith("/batch_matmul_1") for name in left_out) == 9


def test_noise_is_made_where_something_is_rounded(tensors):
    for tensor in tensors:
        if tensor.dtype == "float32" or tensor.op in ("RESHAPE", "TRANSPOSE"):
            assert tensor.local_sqnr > 90, tensor
        elif tensor.op == "CONV_2D":
            # 8 bits can not do better than about 6 dB each.
            assert tensor.local_sqnr < 50, tensor


def test_layers_of_a_model(tensors, files):
    (graph,) = read_model(files["int8"].read_bytes()).subgraphs
    names = [tensor.name.decode() for tensor in graph.tensors]
    balanced = {layer_of(name) for name in names if is_balanced(name)}
    assert balanced < {f"stage{stage}_ir" for stage in "1345"} | {
        *("stem", "stage2_ir1", "stage2_ir2", "stage2_ir3"),
    }
    blocks = [
        f"stage{stage}_block/{part}"
        for stage, depth in ((3, 2), (4, 4), (5, 3))
        for part in (
            "local",
            "project_in",
            *(f"transformer_{index}" for index in range(depth)),
            "project_out",
            "fusion",
        )
    ]
    assert {tensor.layer for tensor in tensors} | balanced == {
        "stem",
        *("stage1_ir", "stage2_ir1", "stage2_ir2", "stage2_ir3"),
        *("stage3_ir", "stage4_ir", "stage5_ir"),
        *blocks,
        *("head", "classifier"),
    }


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("image_quantized", "stem"),
        ("output_int8", "classifier"),
        ("stem/pad/pad", "stem"),
        ("stage2_ir1/depthwise/conv/depthwise_conv_2d", "stage2_ir1"),
        ("stage1_ir/add", "stage1_ir"),
        ("stage3_block/local/mul", "stage3_block/local"),
        ("stage3_block/reshape_dequant", "stage3_block/project_in"),
        ("stage5_block/resize_bilinear", "stage5_block/project_in"),
        (
            "stage3_block/transformer_1/rms_norm1/mul_1_quantized",
            "stage3_block/transformer_1",
        ),
        ("stage3_block/rms_norm/mul", "stage3_block/project_out"),
        ("stage3_block/fold/reshape", "stage3_block/project_out"),
        ("stage5_block/resize_bilinear_1", "stage5_block/project_out"),
        ("stage3_block/concatenation", "stage3_block/fusion"),
        ("avg_pool/mean", "classifier"),
        ("output", "classifier"),
        # A backbone inside another model, and layers of that model.
        ("mobilevit_xxs/stage1_ir/expand/mul", "mobilevit_xxs/stage1_ir"),
        ("net/flatten/reshape", "net/flatten"),
        ("dense/fully_connected", "dense"),
        ("Sigmoid", "Sigmoid"),
    ],
)
def test_layer_of(name, layer):
    assert layer_of(name) == layer


def test_culprits_come_worst_first():
    def make(name, local_sqnr):
        return TensorFidelity(
            *(name, "ADD", "stem", "int8"), 10.0, local_sqnr, 50.0
        )

    tensors = [make("a", 40.0), make("b", 20.0), make("c", float("inf"))]
    assert [tensor.name for tensor in noisiest_ops(tensors)] == ["b", "a", "c"]


def test_layers_add_up_their_noise():
    """Two shares of 1/1000 are 2/1000, which is 26.99 dB."""
    infinite = float("inf")
    tensors = [
        TensorFidelity("a", "ADD", "stem", "int8", 20.0, 30.0, 50.0),
        TensorFidelity("b", "ADD", "head", "int8", 18.0, infinite, 50.0),
        TensorFidelity("c", "ADD", "stem", "int8", 19.0, 30.0, 50.0),
    ]
    stem, head = by_layer(tensors)
    assert (stem.layer, stem.sqnr) == ("stem", 19.0)
    assert stem.local_sqnr == pytest.approx(26.9897, abs=1e-4)
    assert (head.layer, head.local_sqnr) == ("head", float("inf"))


def test_a_file_equals_itself(files):
    tensors = compare_tensors(files["float32"], files["float32"], [BLACK])
    assert len(tensors) > 300
    assert {tensor.sqnr for tensor in tensors} == {float("inf")}
    assert {tensor.local_sqnr for tensor in tensors} == {float("inf")}


def test_bad_arguments(files, squared_sigmoid, tmp_path):
    model = files["float32"]
    with pytest.raises(ValueError, match="Received: none"):
        compare_tensors(model, model, [])
    with pytest.raises(ValueError, match="mismatch"):
        compare_tensors(model, model, [BLACK[1:]])
    with pytest.raises(ValueError, match="no tensor in common"):
        compare_tensors(model, squared_sigmoid[1], [BLACK])
    with pytest.raises(ValueError, match="both files have.*'nothing'"):
        sample_values(model, model, [BLACK], ["nothing"])
    with pytest.raises(FileNotFoundError, match="no .tflite file"):
        compare_tensors(tmp_path / "no.tflite", model, [BLACK])
    with pytest.raises(ValueError, match="complete .tflite file"):
        compare_tensors(b"<html>404</html>", model, [BLACK])


def test_names_that_another_version_gave(tmp_path):
    """The files are named, where LiteRT would speak of dimensions."""
    pool = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}

    def write(path, first, second):
        tensors = {
            "image": Tensor((1, 8, 8, 3)),
            first: Tensor((1, 4, 4, 3)),
            second: Tensor((1, 2, 2, 3)),
        }
        options = ("Pool2DOptions", pool)
        nodes = [
            ("AVERAGE_POOL_2D", ["image"], [first], options),
            ("AVERAGE_POOL_2D", [first], [second], options),
        ]
        path.write_bytes(micro_model(tensors, nodes))
        return path

    one = write(tmp_path / "one.tflite", "pool", "pool_1")
    other = write(tmp_path / "other.tflite", "pool_1", "pool")
    image = np.zeros((8, 8, 3), np.float32)
    with pytest.raises(ValueError, match="one.tflite and .*other.tflite,"):
        compare_tensors(one, other, [image])
    assert len(compare_tensors(one, one, [image])) == 2
