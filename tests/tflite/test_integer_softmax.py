"""Softmax of attention, in int8."""

import dataclasses
import math

import numpy as np
import pytest
from edited import edited
from micro_model import Tensor, micro_model
from small_model import make_images
from tiny_model import make_tiny_model

from keras_mobilevit.tflite import convert, export_tflite, read_metadata
from keras_mobilevit.tflite.accuracy_guard import guard_accuracy
from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    ParsedFile,
    op_name,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.inspection.inspect import inspect
from keras_mobilevit.tflite.quantization.calibration import calibrate
from keras_mobilevit.tflite.quantization.integer_softmax import (
    known_range,
    observe_integer_softmax,
    use_integer_softmax,
)
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8
from keras_mobilevit.tflite.scoring import predict_all, sqnr_scorer

# Patches of 2x2 at a quarter of the size: 10 x 10 tokens.
SIZE = (80, 80)


@pytest.fixture(scope="module")
def model():
    """Its attention looks at few tokens here, at many there, and matters."""
    model = make_tiny_model(SIZE)
    (layer,) = model.get_layer("stage2_block").transformer
    for dense in (
        layer.attention.query_dense,
        layer.attention.key_dense,
        layer.attention.value_dense,
    ):
        dense.kernel.assign(10 * dense.kernel)
    return model


@pytest.fixture(scope="module")
def float_model(model):
    return convert(model)


@pytest.fixture(scope="module")
def images():
    return np.stack(make_images(20, SIZE, seed=1))


@pytest.fixture(scope="module")
def calibration(float_model, images):
    return calibrate(float_model, images)


def kinds(file):
    model = read_model(file)
    return [op_name(model, op) for op in model.subgraphs[0].operators]


# === In float ===


def test_the_float_graph_computes_the_same(float_model, images):
    changed = edited(use_integer_softmax, float_model)
    # The classifier's own softmax is left.
    assert kinds(float_model).count("SOFTMAX") == 1 + kinds(changed).count(
        "SOFTMAX"
    )
    assert sqnr_scorer(float_model, images)(changed) > 100


def test_both_ways_are_observed(float_model, images, calibration):
    observed = edited(observe_integer_softmax, float_model)
    np.testing.assert_array_equal(
        predict_all(observed, images), predict_all(float_model, images)
    )
    for file in (float_model, edited(use_integer_softmax, float_model)):
        graph = read_model(file).subgraphs[0]
        names = {tensor_name(graph, op.outputs[0]) for op in graph.operators}
        assert names <= calibration.ranges.keys()


def test_attention_that_stays_float_keeps_its_softmax(float_model):
    scope = r"^stage2_block/transformer_0/"
    assert kinds(edited(use_integer_softmax, float_model, (scope,))) == kinds(
        float_model
    )
    assert kinds(edited(use_integer_softmax, float_model, ("^stem",))) != kinds(
        float_model
    )


def test_known_ranges():
    low, high = known_range("a/softmax/integer/difference", -30.0, 0.0)
    assert high == 0
    # What lies below would be rounded to zero anyway.
    assert math.exp(low) < 0.5 / 255
    assert known_range("a/softmax/integer/difference", -2.0, 0.0) == (-2, 0)
    assert known_range("a/softmax/integer/difference", 0.0, 0.0) == (-0.5, 0)
    assert known_range("a/softmax/integer/exponential", 0.2, 0.9) == (0, 1)
    assert known_range("a/softmax", 0.2, 0.9) == (0.2, 0.9)


# === In int8 ===


@pytest.fixture(scope="module")
def quantized(float_model, calibration):
    return quantize(float_model, int8(), calibration)


def test_rows_are_computed_in_int8(quantized):
    model = read_model(quantized)
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    (maximum,) = (
        op for op in graph.operators if op_name(model, op) == "REDUCE_MAX"
    )
    scores, result = maximum.inputs[0], maximum.outputs[0]
    assert op_name(model, producers[scores]) == "BATCH_MATMUL"
    assert graph.tensors[scores].type == graph.tensors[result].type == INT8
    # The largest of some values is one of them.
    for field in ("scale", "zeroPoint"):
        assert getattr(graph.tensors[scores].quantization, field) == getattr(
            graph.tensors[result].quantization, field
        )
    for kind in ("SUB", "SUM"):
        (op,) = (op for op in graph.operators if op_name(model, op) == kind)
        assert graph.tensors[op.outputs[0]].type == INT8


def test_xnnpack_takes_all_of_it(quantized, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(quantized)
    found = inspect(path)
    assert (found.delegated, found.partitions) == (found.nodes, 1)


@pytest.mark.slow
def test_a_single_token(tmp_path):
    """Patches of 2x2 at a quarter of 8x8: it differs from itself by nothing."""
    float_model = convert(make_tiny_model((8, 8)))
    statistics = calibrate(float_model, np.stack(make_images(5, (8, 8))))
    path = tmp_path / "model.tflite"
    path.write_bytes(quantize(float_model, int8(), statistics))
    assert "REDUCE_MAX" in kinds(path.read_bytes())
    found = inspect(path)
    assert (found.delegated, found.partitions) == (found.nodes, 1)


def attention_alone(scale):
    """Scores up to about 2.6 times `scale`, of an image with 4x4 pixels."""
    pixels, scores = Tensor((1, 4, 4, 3)), Tensor((1, 4, 4, 4))
    factor = scale / 255**2
    tensors = {
        "image": pixels,
        "factors": Tensor((3,), values=[factor, -factor, factor]),
        "signs": Tensor((3,), values=[1, -1, 1]),
        "queries": pixels,
        "keys": pixels,
        "scores": scores,
        "weights": scores,
        "output": pixels,
    }
    multiply, transpose = ("MulOptions", {}), {"adjY": True}
    nodes = [
        ("MUL", ["image", "factors"], ["queries"], multiply),
        ("MUL", ["image", "signs"], ["keys"], multiply),
        (
            *("BATCH_MATMUL", ["queries", "keys"], ["scores"]),
            ("BatchMatMulOptions", transpose),
        ),
        ("SOFTMAX", ["scores"], ["weights"], ("SoftmaxOptions", {"beta": 1.0})),
        (
            *("BATCH_MATMUL", ["weights", "keys"], ["output"]),
            ("BatchMatMulOptions", {}),
        ),
    ]
    return micro_model(tensors, nodes, signature="serve")


@pytest.mark.parametrize("scale", [0, 1e-6, 1e-4, 1, 100, 1e4, 1e6])
def test_scores_of_any_size_stay_in_xnnpack(scale, tmp_path):
    """XNNPACK limits the quotient of a difference's scale and the scores'."""
    float_model = attention_alone(scale)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 3), np.uint8)
    statistics = calibrate(float_model, pixels)
    recipe = dataclasses.replace(int8(), skip_layers=())
    path = tmp_path / "model.tflite"
    path.write_bytes(quantize(float_model, recipe, statistics))
    assert "REDUCE_MAX" in kinds(path.read_bytes())
    found = inspect(path)
    assert (found.left_out, found.partitions) == ({}, 1)
    # Within a few steps of [-255, 255].
    error = predict_all(path.read_bytes(), pixels) - predict_all(
        float_model, pixels
    )
    assert np.abs(error).mean() < 4


def test_the_noise_is_that_of_softmax_in_float(
    float_model, calibration, quantized, images
):
    score = sqnr_scorer(float_model, images)
    plain = dataclasses.replace(int8(), integer_softmax=False)
    usual = score(quantize(float_model, plain, calibration))
    assert abs(score(quantized) - usual) < 1


# === Choice ===


def keeps(float_model, calibration, images):
    source = ParsedFile.parse(float_model)
    kept = guard_accuracy(source, int8(), calibration, images)
    return kept.recipe.integer_softmax


def test_not_where_it_costs_accuracy(float_model, calibration, images):
    """Sums so far apart that a step of their scale is a whole row's."""
    assert keeps(float_model, calibration, images)
    coarse = {
        name: (low, 1000 * high) if name.endswith("/total") else (low, high)
        for name, (low, high) in calibration.ranges.items()
    }
    coarse = dataclasses.replace(calibration, ranges=coarse)
    assert not keeps(float_model, coarse, images)


@pytest.mark.slow
def test_the_file_says_what_was_chosen(model, images, tmp_path):
    path = export_tflite(model, tmp_path / "a.tflite", calibration=images)
    assert read_metadata(path).recipe_fields["integer_softmax"] is True
    assert "REDUCE_MAX" in kinds(path.read_bytes())
    with_compat = export_tflite(
        model, tmp_path / "b.tflite", calibration=images, compat="2.14"
    )
    assert read_metadata(with_compat).recipe_fields["integer_softmax"] is False
    assert "REDUCE_MAX" not in kinds(with_compat.read_bytes())
