"""Names of release 0.1: in recipes, on command lines, in calls."""

import dataclasses
import inspect

import numpy as np
import pytest
from image_files import encode, gradient

from keras_mobilevit.cli.main import build_parser, main
from keras_mobilevit.compression import compress
from keras_mobilevit.image_arguments import takes_image_arguments
from keras_mobilevit.images import load_image, random_crops
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.renamed import (
    ARGUMENTS,
    EVALUATION_FIELDS,
    OPTIONS,
    QUANTIZATION_FIELDS,
    current_options,
)
from keras_mobilevit.tflite import (
    Recipe,
    calibrate,
    calibration_set,
    evaluate,
    export_baseline,
    export_recipes,
    export_searched,
    export_tflite,
)
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.training.recipe import load_recipe
from keras_mobilevit.training.run_folder import RunFolder
from keras_mobilevit.training.sections import Evaluation

# As `export --save-recipe` of 0.1.0 wrote it.
OLD_RECIPE = """{
  "name": "mine",
  "weights": "int8",
  "activations": "int8",
  "input_type": "float32",
  "output_type": "float32",
  "float_ops": ["SOFTMAX"],
  "float_scopes": ["rms_norm", "/fold/"],
  "coverage": 99.9,
  "half_arithmetic": false,
  "integer_softmax": true,
  "portable_norms": true,
  "single_dense_scale": true
}"""


def test_quantization_recipes():
    recipe = Recipe.from_json(OLD_RECIPE)
    assert recipe == Recipe(
        "mine",
        weights="int8",
        activations="int8",
        skip_ops=("SOFTMAX",),
        skip_layers=("rms_norm", "/fold/"),
        calibration_percentile=99.9,
        integer_softmax=True,
        bit_exact_norms=True,
        per_tensor_dense_weights=True,
    )
    written = recipe.to_json()
    assert not any(f'"{name}"' in written for name in QUANTIZATION_FIELDS)
    half = '{"name": "half", "weights": "float16", "half_arithmetic": true}'
    assert Recipe.from_json(half).fp16_compute


def test_both_names_of_a_field():
    text = '{"name": "a", "float_ops": [], "skip_ops": ["SOFTMAX"]}'
    with pytest.raises(ValueError, match="has no field 'float_ops'"):
        Recipe.from_json(text)


def test_training_recipes(tmp_path):
    text = load_recipe("cifar10").to_toml()
    for old, new in EVALUATION_FIELDS.items():
        assert text.count(f"{new} = ") == 1
        text = text.replace(f"{new} = ", f"{old} = ")
    path = tmp_path / "old.toml"
    path.write_text(text, encoding="utf-8")
    assert load_recipe(path) == load_recipe("cifar10")
    changed = {"evaluation.crop_fraction": "0.5", "evaluation.native_size": "0"}
    evaluation = load_recipe(path, changed).evaluation
    assert (evaluation.crop_pct, evaluation.pre_resize) == (0.5, 0)
    path.write_text(f"{text}\n[evaluation]", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a TOML file"):
        load_recipe(path)
    both = text.replace("crop_fraction = ", "crop_pct = 1.0\ncrop_fraction = ")
    path.write_text(both, encoding="utf-8")
    with pytest.raises(ValueError, match="no field evaluation.crop_fraction"):
        load_recipe(path)


def test_a_run_of_the_old_release_goes_on(tmp_path):
    recipe = load_recipe("flowers")
    facts = dict(seed=0, class_names=("a", "b"), images=7)
    RunFolder(tmp_path / "run").claim(recipe, **facts)
    (kept,) = (tmp_path / "run").glob("*.toml")
    old = kept.read_text(encoding="utf-8")
    for name, new in EVALUATION_FIELDS.items():
        old = old.replace(f"{new} = ", f"{name} = ")
    kept.write_text(old, encoding="utf-8")
    RunFolder(tmp_path / "run").claim(recipe, **facts)
    other = load_recipe("flowers", {"evaluation.crop_pct": "0.5"})
    with pytest.raises(ValueError, match="evaluation.crop_pct"):
        RunFolder(tmp_path / "run").claim(other, **facts)


def test_current_names_are_those_of_fields():
    for renamed, kind in (
        (QUANTIZATION_FIELDS, Recipe),
        (EVALUATION_FIELDS, Evaluation),
    ):
        fields = {field.name for field in dataclasses.fields(kind)}
        assert fields >= set(renamed.values())
        assert not fields & set(renamed)


def test_options():
    argv = ["export", "--keras", "a.keras", "-o", "a.tflite", "--ending", "nms"]
    argv += ["--crop-fraction=0.5", "--native-size", "32"]
    arguments = build_parser().parse_args(current_options(argv))
    assert arguments.output_head == "nms"
    assert (arguments.crop_pct, arguments.pre_resize) == (0.5, 32)


@pytest.mark.parametrize("old", OPTIONS)
def test_old_options_are_hidden(old, capsys):
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    told = capsys.readouterr().out
    assert OPTIONS[old] in told and old not in told
    with pytest.raises(SystemExit):
        main(["export", "-o", "a.tflite", f"{old}=voxels"])
    assert f"argument {OPTIONS[old]}: " in capsys.readouterr().err


def test_arguments():
    image = encode(gradient(40, 60))
    with pytest.warns(DeprecationWarning, match="`crop_fraction` of `load_im"):
        found = load_image(image, (16, 16), crop_fraction=0.5)
    np.testing.assert_array_equal(
        found, load_image(image, (16, 16), crop_pct=0.5)
    )
    with pytest.raises(TypeError, match="pass only `crop_pct`"):
        load_image(image, (16, 16), crop_fraction=0.5, crop_pct=0.5)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (load_image, ("crop_fraction", "native_size")),
        (random_crops, ("native_size",)),
        (calibrate, ("coverage",)),
        (export_tflite, ("ending",)),
        # Keyword arguments of the other exports.
        (ExportOptions, ("ending",)),
    ],
)
def test_arguments_of_other_functions(function, names):
    parameters = inspect.signature(function).parameters
    for name in names:
        assert ARGUMENTS[name] in parameters and name not in parameters
    if function is not ExportOptions:
        # The decorator keeps what it wraps.
        assert inspect.unwrap(function) is not function


def deprecated(name, function, new):
    return pytest.warns(
        DeprecationWarning,
        match=rf"`{name}` of `{function}` is deprecated .* Use `{new}\(",
    )


@pytest.mark.filterwarnings("ignore:1 calibration images are few")
@pytest.mark.parametrize(
    ("old", "field", "value", "new"),
    [
        ("crop_fraction", "crop_pct", 0.5, 0.5),
        ("native_size", "pre_resize", 4, 4),
        ("crop_pct", "crop_pct", 0.5, 0.5),
        ("pre_resize", "pre_resize", 4, 4),
        ("whole", "crop_mode", True, "squash"),
    ],
)
def test_facts_about_images(tmp_path, old, field, value, new):
    """What has a description now is taken one by one, as before."""
    (tmp_path / "a.png").write_bytes(encode(gradient(40, 60)))
    with deprecated(old, "calibration_set", "image=ImageSpec"):
        found = calibration_set(tmp_path, (16, 16, 3), **{old: value})
    spec = ImageSpec(**{field: new})
    expected = calibration_set(tmp_path, (16, 16, 3), image=spec)
    np.testing.assert_array_equal(found.images, expected.images)
    plain = calibration_set(tmp_path, (16, 16, 3))
    assert (found.images != plain.images).any()

    @takes_image_arguments("info")
    def export(info=None):
        return info

    known = ModelInfo(labels=("a", "b"))
    with deprecated(old, "export", r"info=ModelInfo\(image=ImageSpec"):
        found = export(info=known, **{old: value})
    assert found == known.with_image(**{field: new})
    if old != "whole":
        with deprecated(old, "export", "info=ModelInfo"):
            assert export(**{old: None}) is None


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (calibration_set, "image"),
        (evaluate, "image"),
        (compress, "image"),
        (export_tflite, "info"),
        (export_recipes, "info"),
        (export_searched, "info"),
        (export_baseline, "info"),
    ],
)
def test_functions_that_take_them(function, argument):
    parameters = inspect.signature(function).parameters
    assert argument in parameters or "options" in parameters
    assert not {"crop_pct", "pre_resize", "whole"} & parameters.keys()
    with deprecated("crop_pct", function.__name__, rf"{argument}=.*ImageSpec"):
        with pytest.raises(TypeError):
            # The positional arguments are missing.
            function(crop_pct=0.5)
