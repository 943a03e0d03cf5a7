"""Exported files: equal to Keras, fully delegated, described, reproducible."""

import keras
import numpy as np
import pytest
from small_model import LABELS, SIZE, make_images, make_model

import keras_mobilevit
from keras_mobilevit.tflite import (
    ImageModel,
    export_tflite,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.flatbuffer import read_model
from keras_mobilevit.tflite.quantization.quantize import attention_operands


def log_probabilities(model, images):
    if isinstance(model, keras.Model):
        outputs = model.predict(np.stack(images).astype("float32"), verbose=0)
    else:
        outputs = np.stack([model.predict(image) for image in images])
    logits = np.log(outputs)
    return logits - logits.mean(axis=1, keepdims=True)


def sqnr(reference, actual):
    noise = np.sum((actual - reference) ** 2)
    return 10 * np.log10(np.sum(reference**2) / noise)


def test_float32_equals_keras(model, files):
    images = make_images(10, seed=2)
    actual = np.stack(
        [ImageModel(files["float32"]).predict(image) for image in images]
    )
    expected = model.predict(np.stack(images).astype("float32"), verbose=0)
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()


# Half floats have 11 bits: 6 dB each. The int8 floor is what eight bits must
# leave after some sixty layers of random weights.
@pytest.mark.parametrize(("recipe", "floor"), [("float16", 55), ("int8", 22)])
def test_quantized_is_close_to_keras(model, files, recipe, floor):
    images = make_images(30, seed=2)
    reference = log_probabilities(model, images)
    actual = log_probabilities(ImageModel(files[recipe]), images)
    assert sqnr(reference, actual) >= floor


@pytest.mark.parametrize("recipe", ["float32", "float16", "int8"])
def test_xnnpack_takes_every_node_in_one_partition(files, recipe):
    result = inspect(files[recipe])
    assert result.nodes > 300
    assert result.delegated == result.nodes
    assert result.partitions == 1
    assert result.left_out == {}


def test_size_on_disk(files, model):
    floats = 4 * model.count_params()
    size = {name: path.stat().st_size for name, path in files.items()}
    assert size["float32"] < 1.1 * floats
    assert size["float16"] < 0.6 * floats
    assert size["int8"] < 0.35 * floats


def test_keys_and_values_have_zero_point_zero(files):
    """Else XNNPACK leaves the attention products to slow kernels."""
    names = set(attention_operands(files["float32"].read_bytes()))
    assert len(names) >= 2 * 9 * 3  # 9 layers; dense, reshape, transpose
    (graph,) = read_model(files["int8"].read_bytes()).subgraphs
    zero_points = {
        tensor.name.decode(): tensor.quantization.zeroPoint.tolist()
        for tensor in graph.tensors
        if tensor.name.decode() in names
    }
    assert set(zero_points) == names
    assert all(points == [0] for points in zero_points.values())


def test_softmax_and_norms_stay_float(files):
    (graph,) = read_model(files["int8"].read_bytes()).subgraphs
    types = {
        tensor.name.decode(): tensor.type
        for tensor in graph.tensors
        if "rms_norm" in tensor.name.decode()
        and tensor.name.decode().endswith("Rsqrt")
    }
    assert len(types) == 21
    assert set(types.values()) == {0}  # TensorType.FLOAT32


def test_static_signature(files):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    for path in files.values():
        interpreter = litert.Interpreter(model_path=str(path))
        assert interpreter.get_signature_list() == {
            "serve": {"inputs": ["image"], "outputs": ["output"]}
        }
        (image,) = interpreter.get_input_details()
        assert image["shape"].tolist() == [1, *SIZE, 3]
        assert image["shape_signature"].tolist() == [1, *SIZE, 3]
        assert image["dtype"] == np.float32


def test_metadata(files):
    for recipe, path in files.items():
        metadata = read_metadata(path)
        assert metadata.recipe == recipe
        assert metadata.model == "mobilevit_xxs"
        assert metadata.labels == LABELS
        assert metadata.crop_fraction == 0.875
        assert metadata.calibration_images == (30 if recipe == "int8" else 0)
        assert metadata.version == keras_mobilevit.__version__


def test_same_input_gives_same_bytes(model, files, tmp_path):
    again = export_tflite(
        model,
        tmp_path / "again.tflite",
        "int8",
        calibration=make_images(30, seed=1),
        labels=LABELS,
        crop_fraction=0.875,
    )
    assert again.read_bytes() == files["int8"].read_bytes()


def test_dynamic_model_needs_a_size(tmp_path):
    model = keras_mobilevit.MobileViTXXS(
        weights=None, input_shape=(None, None, 3), classes=2
    )
    with pytest.raises(ValueError, match="takes any size"):
        export_tflite(model, tmp_path / "a.tflite", "float32")
    path = export_tflite(model, tmp_path / "a.tflite", "float32", size=(32, 64))
    assert ImageModel(path).size == (32, 64)


def test_fine_tuned_model(tmp_path):
    backbone = keras_mobilevit.MobileViTXXS(
        weights=None, include_top=False, pooling="avg", input_shape=(64, 64, 3)
    )
    model = keras.Sequential(
        [keras.Input((64, 64, 3)), backbone, keras.layers.Dense(3, "softmax")]
    )
    path = export_tflite(model, tmp_path / "tuned.tflite", "float32")
    (image,) = make_images(1, (64, 64))
    expected = model.predict(image[None].astype("float32"), verbose=0)[0]
    actual = ImageModel(path).predict(image)
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


BLACK = np.zeros((*SIZE, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(recipe="int4"), "`recipe` must be one of"),
        (dict(recipe="int8"), "needs calibration images"),
        (dict(recipe="int8", calibration=[]), "Received: none"),
        (
            dict(recipe="int8", calibration=[np.full((*SIZE, 3), 0.5)]),
            r"pixels in \[0, 255\]",
        ),
        (dict(recipe="int8", calibration=[BLACK - 1.0]), r"pixels in \[0"),
        (dict(recipe="int8", calibration=[BLACK[:9]]), "of shape"),
        (dict(recipe="float32", size=(32, 32)), "is built for"),
        (dict(recipe="float32", labels=["one"]), "5 outputs"),
    ],
)
def test_bad_arguments_write_nothing(model, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        export_tflite(model, tmp_path / "bad.tflite", **options)
    assert list(tmp_path.iterdir()) == []


def test_path_must_be_tflite(model, tmp_path):
    with pytest.raises(ValueError, match="must end in .tflite"):
        export_tflite(model, tmp_path / "model.bin", "float32")


def test_two_outputs_are_refused(tmp_path):
    backbone = keras_mobilevit.MobileViTBackbone(
        "mobilevit_xxs", weights=None, input_shape=(64, 64, 3)
    )
    with pytest.raises(ValueError, match="one input and one output"):
        export_tflite(backbone, tmp_path / "a.tflite", "float32")


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["mobilevit_xs", "mobilevit_s"])
@pytest.mark.parametrize("side", [224, 256])
def test_larger_models_are_delegated_as_well(variant, side, tmp_path):
    constructor = keras_mobilevit.mobilevit.CONSTRUCTORS[variant]
    model = make_model((side, side), constructor)
    path = export_tflite(
        model,
        tmp_path / "a.tflite",
        "int8",
        calibration=make_images(3, (side, side)),
    )
    result = inspect(path)
    assert (result.delegated, result.partitions) == (result.nodes, 1)


def test_export_does_not_change_the_model(files):
    fresh = make_model()
    before = [w.copy() for w in fresh.get_weights()]
    export_tflite(fresh, files["float32"].with_name("b.tflite"), "float32")
    for old, new in zip(before, fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
