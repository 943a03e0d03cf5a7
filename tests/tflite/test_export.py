"""Exports of the tiny model: reproducible, of any outputs and any size.

Its conversion takes two seconds, not ten.
"""

import dataclasses
import logging
from inspect import signature

import keras
import numpy as np
import pytest
from exported import graph_of, predict
from small_model import LABELS, make_images
from tiny_model import TINY_SIZE, make_tiny_backbone

from keras_mobilevit.tflite import (
    RECIPES,
    ImageModel,
    convert,
    export_baseline,
    export_recipes,
    export_searched,
    export_tflite,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.flatbuffer import INT8
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.quantization.recipes import int8


def export_all(model, folder):
    folder.mkdir()
    paths = export_recipes(
        model,
        {folder / f"{recipe}.tflite": recipe for recipe in RECIPES},
        calibration=np.stack(make_images(40, TINY_SIZE, seed=1)),
        calibration_images=25,
        seed=7,
        labels=LABELS,
        # `int8_full` has less than usual, and is there all the same.
        min_sqnr=0,
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

    def export(calibration_percentile, seed):
        path = export_tflite(
            tiny,
            tmp_path / "a.tflite",
            dataclasses.replace(
                int8(), calibration_percentile=calibration_percentile
            ),
            calibration=images,
            calibration_images=25,
            seed=seed,
            min_sqnr=0,
        )
        metadata = read_metadata(path)
        assert metadata.calibration_seed == seed
        assert (
            metadata.recipe_fields["calibration_percentile"]
            == calibration_percentile
        )
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
    assert read_metadata(int8_path).name == "tuned"


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
    with pytest.raises(ValueError, match="tells None classes.*Received: 2"):
        export_tflite(
            *(backbone, tmp_path / "a.tflite", "float32"),
            size=(48, 32),
            labels=("a", "b"),
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


def test_options_are_the_same_for_all_exports(tiny):
    """`export_tflite` lists them for those that read the signature."""
    fields = dataclasses.fields(ExportOptions)
    defaults = {field.name: field.default for field in fields}
    parameters = signature(export_tflite).parameters.values()
    assert defaults == {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for export in (export_recipes, export_searched, export_baseline):
        with pytest.raises(TypeError, match="unexpected .* 'lables'"):
            export(tiny, {}, lables=LABELS)


def test_the_temporary_folder_is_not_logged(tiny, caplog):
    """Nor is the user's logger another one afterwards."""
    logger = logging.getLogger("tensorflow")
    caplog.set_level(logging.INFO, logger="tensorflow")
    filters = list(logger.filters)
    convert(tiny)
    assert caplog.records == []
    assert logger.filters == filters
    assert logger.level == logging.INFO
