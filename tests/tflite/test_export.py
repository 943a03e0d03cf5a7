"""Exported files: near to Keras, fully delegated, described, reproducible."""

import dataclasses
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from small_model import LABELS, SIZE, make_images
from tiny_model import TINY_SIZE, enliven, make_tiny_backbone

import keras_mobilevit
from keras_mobilevit.tflite import (
    RECIPES,
    ImageModel,
    Recipe,
    export_baseline,
    export_recipes,
    export_tflite,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT16,
    FLOAT32,
    INT8,
    constant,
    op_name,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.quantization.quantize import (
    attention_operands,
    quantize,
)
from keras_mobilevit.tflite.quantization.recipes import int8

CALIBRATED = ("int8", "int8_accurate", "int8_full")
# `int8_full` is for devices without XNNPACK.
DELEGATED = tuple(name for name in RECIPES if name != "int8_full")


def predict(model, images):
    if isinstance(model, keras.Model):
        return model.predict(np.stack(images).astype("float32"), verbose=0)
    if not isinstance(model, ImageModel):
        model = ImageModel(model)
    return np.stack([model.predict(image) for image in images])


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
# was 57.3, 57.3, 30.4, 29.6, 19.8, 34.6 and 19.5 dB. The floors are 2 dB less.
@pytest.mark.parametrize(
    ("recipe", "floor"),
    [
        ("float16", 55.3),
        ("float16_arithmetic", 55.3),
        ("weight_only", 28.4),
        ("dynamic", 27.6),
        ("int8", 17.8),
        ("int8_accurate", 32.6),
        ("int8_full", 17.5),
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


def graph_of(path):
    model = read_model(path.read_bytes())
    (graph,) = model.subgraphs
    return model, graph


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


@pytest.mark.parametrize("recipe", ["weight_only", "dynamic", *CALIBRATED])
def test_int8_weights_have_a_scale_for_each_channel(files, recipe):
    """One scale for all costs 10 dB and more, and nobody would notice."""
    count = 0
    for kind, tensors in kernels(files[recipe]).items():
        axis = 3 if kind == "DEPTHWISE_CONV_2D" else 0
        for tensor in tensors:
            if tensor.type != INT8:
                continue
            count += 1
            quantization = tensor.quantization
            assert quantization.quantizedDimension == axis
            assert len(quantization.scale) == tensor.shape[axis]
            assert not np.any(quantization.zeroPoint)
            assert len(set(quantization.scale.tolist())) > 1
    assert count > 40


def test_what_int8_computes_in_int8(files):
    """Softmax and norms stay float; all else is int8, both products too."""
    model, graph = graph_of(files["int8"])
    floats, ints = set(), set()
    norms = 0
    for op in graph.operators:
        kind, output = op_name(model, op), op.outputs[0]
        name = tensor_name(graph, output)
        if kind in ("QUANTIZE", "DEQUANTIZE"):
            continue
        is_norm = "/rms_norm" in name or "/fold/" in name
        norms += kind == "RSQRT"
        if is_norm or kind == "SOFTMAX":
            assert graph.tensors[output].type == FLOAT32, name
            floats.add(kind)
        else:
            assert graph.tensors[output].type == INT8, name
            ints.add(kind)
    assert norms == 21
    assert {"BATCH_MATMUL", "ADD", "LOGISTIC", "CONV_2D"} <= ints
    assert "SOFTMAX" in floats


@pytest.mark.parametrize("recipe", CALIBRATED)
def test_keys_and_values_have_zero_point_zero(files, recipe):
    """Else XNNPACK leaves the attention products to slow kernels."""
    names = set(attention_operands(files["float32"].read_bytes()))
    assert len(names) >= 2 * 9 * 3  # 9 layers; dense, reshape, transpose
    _, graph = graph_of(files[recipe])
    zero_points = {
        tensor.name.decode(): tensor.quantization.zeroPoint.tolist()
        for tensor in graph.tensors
        if tensor.name.decode() in names
    }
    assert set(zero_points) == names
    assert all(points == [0] for points in zero_points.values())


def test_half_arithmetic_is_allowed_where_it_is_asked_for(files):
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


def test_metadata(files):
    for recipe, path in files.items():
        metadata = read_metadata(path)
        assert metadata.recipe == recipe
        assert metadata.model == "mobilevit_xxs"
        assert metadata.labels == LABELS
        assert metadata.crop_fraction == 0.875
        calibrated = recipe in CALIBRATED
        assert metadata.calibration_images == (30 if calibrated else 0)
        # The images came in the caller's order.
        assert metadata.calibration_seed is None
        assert metadata.version == keras_mobilevit.__version__
        fields = json.dumps(dict(metadata.recipe_fields))
        assert Recipe.from_json(fields) == RECIPES[recipe]()


# === The tiny model: its conversion takes two seconds, not ten ===


@pytest.fixture
def converted(monkeypatch, tiny_float):
    """For what does not hang on the conversion."""
    monkeypatch.setattr(
        "keras_mobilevit.tflite.export.convert", lambda model, size: tiny_float
    )


def export_all(model, folder):
    folder.mkdir()
    paths = export_recipes(
        model,
        {folder / f"{recipe}.tflite": recipe for recipe in RECIPES},
        calibration=np.stack(make_images(40, TINY_SIZE, seed=1)),
        calibration_images=25,
        seed=7,
        labels=LABELS,
    )
    assert sorted(folder.iterdir()) == sorted(paths)
    return dict(zip(RECIPES, paths, strict=True))


@pytest.fixture(scope="module")
def tiny_files(tiny, tmp_path_factory):
    return export_all(tiny, tmp_path_factory.mktemp("tiny") / "files")


def test_same_input_gives_same_bytes(tiny, tiny_files, tmp_path):
    """Through conversion, calibration and quantization alike."""
    before = [w.copy() for w in tiny.get_weights()]
    again = export_all(tiny, tmp_path / "again")
    for recipe, path in tiny_files.items():
        assert path.read_bytes() == again[recipe].read_bytes(), recipe
    # Nor does an export change the model.
    for old, new in zip(before, tiny.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_seed_and_coverage_matter(tiny, converted, tmp_path):
    images = np.stack(make_images(40, TINY_SIZE, seed=1))

    def export(coverage, seed):
        path = export_tflite(
            tiny,
            tmp_path / "a.tflite",
            dataclasses.replace(int8(), coverage=coverage),
            calibration=images,
            calibration_images=25,
            seed=seed,
        )
        metadata = read_metadata(path)
        assert metadata.calibration_seed == seed
        assert metadata.recipe_fields["coverage"] == coverage
        _, graph = graph_of(path)
        return {
            tensor.name: tensor.quantization.scale.tolist()
            for tensor in graph.tensors
            if tensor.type == INT8
        }

    scales = export(99.99, 0)
    assert export(99.99, 0) == scales != export(99.99, 1)
    narrow = export(90, 0)
    name = b"stage0_ir/expand/conv_2d"
    assert narrow[name][0] < 0.9 * scales[name][0]
    # Steps of the weights are no matter of calibration.
    assert narrow[name + b"/kernel"] == scales[name + b"/kernel"]


def test_fine_tuned_model(tiny, tmp_path):
    """Another number of classes, and the network as one layer of many."""
    features = keras.Model(tiny.input, tiny.get_layer("avg_pool").output)
    model = keras.Sequential(
        [
            keras.Input((*TINY_SIZE, 3)),
            keras.layers.RandomFlip(),
            features,
            keras.layers.Dropout(0.2),
            keras.layers.Dense(3, "softmax"),
        ],
        name="tuned",
    )
    float_path, int8_path = export_recipes(
        model,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        calibration=make_images(25, TINY_SIZE, seed=1),
        labels=("x", "y", "z"),
    )
    images = make_images(10, TINY_SIZE, seed=3)
    expected = predict(model, images)
    np.testing.assert_allclose(predict(float_path, images), expected, rtol=1e-4)
    assert np.abs(predict(int8_path, images) - expected).max() < 0.05
    inspect(int8_path).require_full_delegation()
    assert read_metadata(int8_path).model == "tuned"


def test_a_feature_map(tiny, tmp_path):
    """As of `include_top=False`: no vector, no softmax."""
    features = keras.Model(tiny.input, tiny.get_layer("stage2_block").output)
    float_path, int8_path = export_recipes(
        features,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        calibration=make_images(25, TINY_SIZE, seed=1),
    )
    images = make_images(5, TINY_SIZE, seed=3)
    expected = predict(features, images)
    assert expected.shape[1:] == (8, 12, 12)
    actual = predict(float_path, images)
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    # Measured: 20 dB. The floor is 17.
    noise = np.sum((predict(int8_path, images) - expected) ** 2)
    assert noise < 0.02 * np.sum(expected**2)
    inspect(int8_path).require_full_delegation()


def test_several_outputs_of_a_model_of_any_size(tmp_path):
    backbone = make_tiny_backbone((None, None))
    with pytest.raises(ValueError, match="takes any size: say which one"):
        export_tflite(backbone, tmp_path / "a.tflite", "float32")
    with pytest.raises(ValueError, match="has None outputs. Received: 2"):
        export_tflite(
            backbone, tmp_path / "a.tflite", "float32", labels=("a", "b")
        )
    assert list(tmp_path.iterdir()) == []
    float_path, int8_path = export_recipes(
        backbone,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        size=(48, 32),
        calibration=make_images(25, (48, 32), seed=1),
    )
    images = make_images(3, (48, 32), seed=3)
    expected = dict(
        zip(("output_0", "output_1"), predict(backbone, images), strict=True)
    )
    assert expected["output_0"].shape == (3, 24, 16, 8)
    assert expected["output_1"].shape == (3, 12, 8, 12)
    for path, tolerance in ((float_path, 1e-4), (int8_path, 0.1)):
        model = ImageModel(path)
        assert model.size == (48, 32)
        assert model.output_names == ("output_0", "output_1")
        outputs = [model.predict(image) for image in images]
        for name, maps in expected.items():
            actual = np.stack([output[name] for output in outputs])
            error = np.abs(actual - maps).max()
            assert error <= tolerance * np.abs(maps).max()
    inspect(int8_path).require_full_delegation()


# === Bad input ===

BLACK = np.zeros((*TINY_SIZE, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(recipe="int4"), "`recipe` must be one of"),
        (dict(recipe="int8"), "needs calibration images"),
        (dict(recipe="int8", calibration=[]), "Received: none"),
        (
            dict(calibration=[np.full((*TINY_SIZE, 3), 0.5)] * 20),
            r"pixels in \[0, 255\]",
        ),
        (dict(calibration=[BLACK - 1.0] * 20), r"pixels in \[0, 255\]"),
        (dict(calibration=[BLACK[:9]] * 20), "of shape"),
        (dict(calibration=[BLACK], calibration_images=0), "at least 1"),
        (dict(recipe="float32", labels=["one"]), "5 outputs"),
        (
            dict(
                recipe=dataclasses.replace(int8(), float_ops=("SOFTMAXX",)),
                calibration=make_images(20, TINY_SIZE),
            ),
            "'SOFTMAXX' is not a valid",
        ),
    ],
)
def test_bad_arguments_write_nothing(
    tiny, converted, tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        export_tflite(tiny, tmp_path / "bad.tflite", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pictures", "error", "message"),
    [
        (None, FileNotFoundError, "no folder or tar"),
        ({}, ValueError, "holds no picture"),
        ({"a.jpg": b"\xff\xd8\xff"}, ValueError, "1 pictures that can not be"),
    ],
)
def test_bad_calibration_folders_write_nothing(
    tiny, converted, tmp_path, pictures, error, message
):
    source = tmp_path / "pictures"
    if pictures is not None:
        source.mkdir()
        for name, data in pictures.items():
            (source / name).write_bytes(data)
    with pytest.raises(error, match=message):
        export_tflite(tiny, tmp_path / "bad.tflite", calibration=source)
    assert not list(tmp_path.glob("**/*.tflite*"))


def test_recipes_are_found_before_anything_is_done(tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match="no recipe at"):
        export_tflite(tiny, tmp_path / "a.tflite", tmp_path / "none.json")
    with pytest.raises(ValueError, match="must end in .tflite"):
        export_tflite(tiny, tmp_path / "model.bin", "float32")
    with pytest.raises(ValueError, match=r"is built for \(32, 48\), not for"):
        export_tflite(tiny, tmp_path / "a.tflite", "float32", size=(32, 32))
    inputs = [keras.Input((32, 48, 3)) for _ in range(2)]
    two = keras.Model(inputs, keras.layers.Add()(inputs))
    with pytest.raises(ValueError, match="one input. Received: 2"):
        export_tflite(two, tmp_path / "a.tflite", "float32")
    assert list(tmp_path.iterdir()) == []


def test_the_calibration_of_another_file(files, tiny_float, tiny_calibration):
    float_model = files["float32"].read_bytes()
    with pytest.raises(ValueError, match="'int8' needs calibration images"):
        quantize(float_model, int8())
    with pytest.raises(ValueError, match=r"another file: \d+ of 408 tensors"):
        quantize(float_model, int8(), tiny_calibration)
    with pytest.raises(ValueError, match="Expected a complete .tflite"):
        quantize(tiny_float[:5000], int8(), tiny_calibration)


def test_targets_that_can_not_be_written(
    tiny, converted, tmp_path, monkeypatch
):
    """Nothing is left, and an older file stays what it was."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        export_tflite(tiny, tmp_path / "file" / "a.tflite", "float32")
    (tmp_path / "b.tflite").mkdir()
    with pytest.raises(OSError):
        export_tflite(tiny, tmp_path / "b.tflite", "float32")
    (tmp_path / "c.tflite").write_text("old")

    def fail(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        export_tflite(tiny, tmp_path / "c.tflite", "float32")
    assert (tmp_path / "c.tflite").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "b.tflite",
        "c.tflite",
        "file",
    ]


def test_a_read_only_folder(tiny, converted, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(PermissionError):
        export_tflite(tiny, folder / "a.tflite", "float32")
    assert list(folder.iterdir()) == []


def test_other_backends_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND=tensorflow"):
        export_tflite(tiny, tmp_path / "a.tflite", "float32")


# === Whole networks ===


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "size"),
    [
        ("mobilevit_xxs", (192, 192)),
        ("mobilevit_xxs", (224, 224)),
        ("mobilevit_xxs", (256, 256)),
        ("mobilevit_xxs", (320, 320)),
        ("mobilevit_xxs", (192, 320)),
        ("mobilevit_xs", (256, 256)),
        ("mobilevit_s", (256, 256)),
    ],
)
def test_networks_are_delegated_at_every_size(variant, size, tmp_path):
    constructor = keras_mobilevit.mobilevit.CONSTRUCTORS[variant]
    model = constructor(weights=None, input_shape=(*size, 3), classes=10)
    enliven(model, make_images(4, size))
    paths = export_recipes(
        model,
        {tmp_path / f"{recipe}.tflite": recipe for recipe in DELEGATED},
        calibration=make_images(20, size),
    )
    for path in paths:
        inspect(path).require_full_delegation()


@pytest.mark.slow
def test_fine_tuned_network(tmp_path):
    backbone = keras_mobilevit.MobileViTXXS(
        weights="cifar10",
        include_top=False,
        pooling="avg",
        input_shape=(*SIZE, 3),
    )
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), backbone, keras.layers.Dense(3, "softmax")]
    )
    images = make_images(10, seed=3)
    expected = predict(model, images)
    float_path, int8_path = export_recipes(
        model,
        {tmp_path / f"{r}.tflite": r for r in ("float32", "int8")},
        calibration=make_images(25, seed=1),
    )
    np.testing.assert_allclose(predict(float_path, images), expected, rtol=1e-4)
    assert np.abs(predict(int8_path, images) - expected).max() < 0.1
    inspect(int8_path).require_full_delegation()


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 5])
def test_feature_maps_of_networks_of_any_size(outputs, tmp_path):
    shape = (None, None, 3)
    if outputs == 1:
        model = keras_mobilevit.MobileViTXXS(
            weights="cifar10", include_top=False, input_shape=shape
        )
    else:
        model = keras_mobilevit.MobileViTBackbone(
            "mobilevit_xxs", weights="cifar10", input_shape=shape
        )
    path = export_tflite(
        model,
        tmp_path / "a.tflite",
        "int8",
        size=(64, 160),
        calibration=make_images(25, (64, 160)),
    )
    inspect(path).require_full_delegation()
    (image,) = make_images(1, (64, 160), seed=3)
    maps = ImageModel(path).predict(image)
    expected = keras.tree.flatten(predict(model, [image]))
    assert len(expected) == outputs
    maps = list(maps.values()) if outputs > 1 else [maps]
    for actual, wanted in zip(maps, expected, strict=True):
        noise = np.sum((actual - wanted[0]) ** 2)
        assert noise < 0.05 * np.sum(wanted**2)


@pytest.mark.slow
def test_the_baseline_of_the_converter(tiny, tmp_path):
    """It falls into pieces: what the recipes are there for."""
    path = export_baseline(
        tiny,
        tmp_path / "a.tflite",
        calibration=np.stack(make_images(40, TINY_SIZE, seed=1)),
        calibration_images=25,
        seed=7,
        labels=LABELS,
    )
    metadata = read_metadata(path)
    assert metadata.recipe == "tflite_converter"
    assert (metadata.calibration_images, metadata.calibration_seed) == (25, 7)
    assert metadata.labels == LABELS
    result = inspect(path)
    assert result.partitions > 1
    assert result.dtypes["int8"] > 0.9 * result.nodes
    images = make_images(10, TINY_SIZE, seed=3)
    error = predict(path, images) - predict(tiny, images)
    assert np.abs(error).max() < 0.1


@pytest.mark.slow
def test_other_processes_give_the_same_bytes(files, tmp_path):
    """Texts hash differently in each."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from small_model import LABELS, make_images, make_model
from keras_mobilevit.tflite import RECIPES, export_recipes
export_recipes(
    make_model(),
    {f"{sys.argv[2]}/{recipe}.tflite": recipe for recipe in RECIPES},
    calibration=make_images(30, seed=1),
    labels=LABELS,
    crop_fraction=0.875,
)
"""
    here = os.path.dirname(__file__)
    result = subprocess.run(
        [sys.executable, "-c", code, here, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    for recipe, path in files.items():
        again = tmp_path / f"{recipe}.tflite"
        assert again.read_bytes() == path.read_bytes(), recipe
