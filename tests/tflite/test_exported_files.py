"""The small model by every recipe: near to Keras, delegated, described."""

import dataclasses
import json

import numpy as np
import pytest
from exported import CALIBRATED, DELEGATED, graph_of, predict
from small_model import LABELS, SIZE, make_images

import keras_mobilevit
from keras_mobilevit.tflite import RECIPES, Recipe, inspect, read_metadata
from keras_mobilevit.tflite.accuracy_guard import GUARDED_FIELDS
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT16,
    FLOAT32,
    INT8,
    constant,
    op_name,
    tensor_name,
)
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.quantization.scales import attention_operands

# === Accuracy ===


@pytest.fixture(scope="module")
def scores(files):
    """Recipe name -> SQNR of the logits in dB, on images of its own."""
    images = make_images(30, seed=2)
    reference = predict(files["float32"], images)
    return {
        recipe: sqnr(reference, predict(path, images))
        for recipe, path in files.items()
    }


def test_float32_equals_keras(model, files):
    images = make_images(10, seed=2)
    expected = predict(model, images)
    actual = predict(files["float32"], images)
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    # Else a file that does not look at its input would pass as well.
    assert len(set(expected.argmax(axis=1))) >= 3


# Measured on two sets of images, after calibration on three: the least of all
# was 57.5, 57.5, 30.5, 29.5, 19.8, 34.8 and 19.9 dB. The floors are 2 dB less.
@pytest.mark.parametrize(
    ("recipe", "floor"),
    [
        ("float16", 55.5),
        ("float16_arithmetic", 55.5),
        ("weight_only", 28.5),
        ("dynamic", 27.5),
        ("int8", 17.8),
        ("int8_accurate", 32.8),
        ("int8_full", 17.9),
    ],
)
def test_quantized_is_close_to_float32(scores, recipe, floor):
    assert scores[recipe] >= floor


def test_accurate_int8_is_what_it_says(scores):
    """The logits have a third of the error, if not less."""
    assert scores["int8_accurate"] > scores["int8"] + 10


# === Operations ===


@pytest.mark.parametrize("recipe", DELEGATED)
def test_xnnpack_takes_every_node_in_one_partition(files, recipe):
    result = inspect(files[recipe])
    result.require_full_delegation()
    assert result.nodes > 400
    assert result.left_out == {}


def test_int8_full_leaves_softmax_to_slow_kernels(files):
    """As its docstring says; nothing of it is float any more."""
    result = inspect(files["int8_full"])
    assert result.partitions > 20
    assert result.left_out["SOFTMAX"] == 10
    assert set(result.dtypes) == {"int8"}


def kernels(path):
    """Kind of operation -> its constant kernels, before any DEQUANTIZE."""
    model, graph = graph_of(path)
    producers = {t: op for op in graph.operators for t in op.outputs}
    found = {}
    for op in graph.operators:
        kind = op_name(model, op)
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            index = op.inputs[1]
            if constant(model, graph, index) is None:
                (index,) = producers[index].inputs
            found.setdefault(kind, []).append(graph.tensors[index])
    return found


ALL = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@pytest.mark.parametrize(
    ("recipe", "types"),
    [
        ("float32", {kind: {FLOAT32} for kind in ALL}),
        ("float16", {kind: {FLOAT16} for kind in ALL}),
        ("float16_arithmetic", {kind: {FLOAT16} for kind in ALL}),
        ("weight_only", {kind: {INT8} for kind in ALL}),
        (
            "dynamic",
            {kind: {INT8} for kind in ALL} | {"DEPTHWISE_CONV_2D": {FLOAT32}},
        ),
        ("int8", {kind: {INT8} for kind in ALL}),
        (
            "int8_accurate",
            {
                "CONV_2D": {FLOAT16, INT8},
                "DEPTHWISE_CONV_2D": {FLOAT16},
                "FULLY_CONNECTED": {FLOAT16, INT8},
            },
        ),
        ("int8_full", {kind: {INT8} for kind in ALL}),
    ],
)
def test_types_of_the_weights(files, recipe, types):
    found = kernels(files[recipe])
    assert {
        kind: {tensor.type for tensor in tensors}
        for kind, tensors in found.items()
    } == types


def test_what_accurate_int8_keeps_float(files):
    """Each of its scopes is there: one that matches nothing goes unseen."""
    model, graph = graph_of(files["int8_accurate"])
    types = {
        tensor_name(graph, output): graph.tensors[output].type
        for op in graph.operators
        for output in op.outputs
    }
    for name in (
        *("stem/conv_2d", "stage1_ir/expand/conv_2d", "head/conv_2d"),
        *("stage4_block/fusion/conv_2d", "stage5_block/local/conv_2d"),
        "stage5_block/transformer_0/dense1/fully_connected",
        *("stage3_block/transformer_0/add", "stage4_block/transformer_1/add_1"),
    ):
        assert types[name] == FLOAT32, name
    for name in (
        *("stage3_block/fusion/conv_2d", "stage3_block/local/conv_2d"),
        "stage4_block/transformer_0/dense1/fully_connected",
        "stage4_block/transformer_0/batch_matmul",
    ):
        assert types[name] == INT8, name


@pytest.mark.parametrize("recipe", ["weight_only", "dynamic", *CALIBRATED])
def test_int8_weights_have_a_scale_for_each_channel(files, recipe):
    """One for a convolution costs 10 dB and more, and nobody would notice.

    Dense layers bear it where activations are rounded, too, unless one row of
    their weights is far larger than the rest.
    """
    fields = read_metadata(files[recipe]).recipe_fields
    shared = fields["per_tensor_dense_weights"]
    assert shared or recipe != "int8"
    count = single = 0
    for kind, tensors in kernels(files[recipe]).items():
        axis = 3 if kind == "DEPTHWISE_CONV_2D" else 0
        for tensor in tensors:
            if tensor.type != INT8:
                continue
            count += 1
            quantization = tensor.quantization
            if kind == "FULLY_CONNECTED" and shared:
                single += len(quantization.scale) == 1
                if len(quantization.scale) == 1:
                    continue
            assert quantization.quantizedDimension == axis
            assert len(quantization.scale) == tensor.shape[axis]
            assert not np.any(quantization.zeroPoint)
            assert len(set(quantization.scale.tolist())) > 1
    assert count > 40
    assert (single > 20) == shared


def test_what_int8_computes_in_int8(files):
    """Norms, and what divides the weights of attention, are float."""
    model, graph = graph_of(files["int8"])
    floats, ints = set(), set()
    norms = 0
    for op in graph.operators:
        kind, output = op_name(model, op), op.outputs[0]
        name = tensor_name(graph, output)
        if kind in ("QUANTIZE", "DEQUANTIZE"):
            continue
        is_norm = "/rms_norm" in name or "/fold/" in name
        norms += kind == "SQRT"
        # XNNPACK makes a table of int8 out of the second.
        if is_norm or kind in ("DIV", "EXP", "SOFTMAX"):
            assert graph.tensors[output].type == FLOAT32, name
            floats.add(kind)
        else:
            assert graph.tensors[output].type == INT8, name
            ints.add(kind)
    assert norms == 21
    assert {"BATCH_MATMUL", "ADD", "LOGISTIC", "CONV_2D", "SUM"} <= ints
    # The classifier's own.
    kinds = [op_name(model, op) for op in graph.operators]
    assert kinds.count("SOFTMAX") == 1
    assert "DIV" in floats


@pytest.mark.parametrize("recipe", CALIBRATED)
def test_keys_and_values_have_zero_point_zero(files, recipe):
    """Else XNNPACK leaves the attention products to slow kernels."""
    names = set(attention_operands(graph_of(files["float32"])[0]))
    assert len(names) >= 2 * 9 * 3  # 9 layers; dense, reshape, transpose
    if recipe == "int8_accurate":
        # Its third block is float.
        names = {n for n in names if not n.startswith("stage5_block/")}
        assert len(names) >= 2 * 6 * 3
    _, graph = graph_of(files[recipe])
    zero_points = {
        tensor.name.decode(): tensor.quantization.zeroPoint.tolist()
        for tensor in graph.tensors
        if tensor.name.decode() in names
    }
    assert set(zero_points) == names
    assert all(points == [0] for points in zero_points.values())


def test_fp16_compute_is_allowed_where_it_is_asked_for(files):
    """The entry that XNNPACK's delegate looks for, and its value."""
    for recipe, path in files.items():
        model, _ = graph_of(path)
        entries = {
            entry.name: bytes(model.buffers[entry.buffer].data)
            for entry in model.metadata or ()
        }
        allowed = {b"reduced_precision_support": b"fp16accfp16"}
        assert (entries.items() >= allowed.items()) == (
            recipe == "float16_arithmetic"
        )


def test_size_on_disk(files, model):
    floats = 4 * model.count_params()
    size = {name: path.stat().st_size for name, path in files.items()}
    assert size["float32"] < 1.1 * floats
    assert size["float16"] < 0.6 * floats
    for recipe in ("weight_only", "dynamic", "int8", "int8_full"):
        assert size[recipe] < 0.35 * floats
    assert size["int8"] < size["int8_accurate"] < 0.45 * floats


# === Ends and metadata ===


def test_static_signature(files):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    for recipe, path in files.items():
        interpreter = litert.Interpreter(model_path=str(path))
        assert interpreter.get_signature_list() == {
            "serve": {"inputs": ["image"], "outputs": ["output"]}
        }
        (image,) = interpreter.get_input_details()
        (output,) = interpreter.get_output_details()
        assert image["shape"].tolist() == [1, *SIZE, 3]
        assert image["shape_signature"].tolist() == [1, *SIZE, 3]
        ends = np.int8 if recipe == "int8_full" else np.float32
        assert image["dtype"] == output["dtype"] == ends
        if recipe == "int8_full":
            assert image["quantization"] == (1.0, -128)
            # As TFLite's specification has it, and `metrics` relies on.
            assert output["quantization"] == (1 / 256, -128)


def test_metadata(files):
    for recipe, path in files.items():
        metadata = read_metadata(path)
        assert metadata.recipe == recipe
        assert metadata.name == "mobilevit_xxs"
        assert metadata.labels == LABELS
        assert metadata.image.crop_pct == 0.875
        assert metadata.image.size == SIZE
        assert metadata.output.kind == "probabilities"
        calibrated = recipe in (*CALIBRATED, "weight_only", "dynamic")
        # The other 8 of 30 verified it.
        assert metadata.calibration_images == (22 if calibrated else 0)
        assert bool(metadata.fidelity) == calibrated
        # The images came in the caller's order.
        assert metadata.calibration_seed is None
        assert metadata.version == keras_mobilevit.__version__
        found = Recipe.from_json(json.dumps(dict(metadata.recipe_fields)))
        dropped = {
            field: False
            for field in GUARDED_FIELDS
            if not getattr(found, field)
        }
        assert found == dataclasses.replace(RECIPES[recipe](), **dropped)
        if recipe == "int8":
            assert not dropped
