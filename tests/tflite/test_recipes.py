"""Recipes: what may be in one, and the way through JSON and back."""

import dataclasses
import json

import pytest

from keras_mobilevit.tflite.quantization.recipes import (
    RECIPES,
    Recipe,
    find_recipe,
    int8,
)

# What needs int8 activations.
INTEGER_FIELDS = (
    *("integer_softmax", "bit_exact_norms", "per_tensor_dense_weights"),
    *("balance_channels", "sequential_bias"),
)


@pytest.mark.parametrize("name", RECIPES)
def test_round_trip_through_json(name, tmp_path):
    recipe = RECIPES[name]()
    assert recipe.name == name
    text = recipe.to_json()
    assert set(json.loads(text)) == {
        field.name for field in dataclasses.fields(Recipe)
    }
    assert Recipe.from_json(text) == recipe
    path = tmp_path / "recipe.json"
    path.write_text(text)
    assert find_recipe(path) == find_recipe(str(path)) == recipe
    assert find_recipe(name) == find_recipe(recipe) == recipe


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_say_when_to_use_them(name):
    assert RECIPES[name].__doc__.split(".")[0]


def test_fields_that_are_left_out_have_defaults():
    """A recipe by hand needs to say only what it changes."""
    assert Recipe.from_json('{"name": "mine"}') == Recipe("mine")
    text = '{"name": "a", "weights": "int8", "skip_ops": ["SOFTMAX", "MEAN"]}'
    assert Recipe.from_json(text).skip_ops == ("SOFTMAX", "MEAN")


def test_which_recipes_need_images():
    needy = {name for name in RECIPES if RECIPES[name]().needs_calibration}
    assert needy == {"int8", "int8_accurate", "int8_full"}
    takers = {name for name in RECIPES if RECIPES[name]().takes_images}
    assert takers == needy | {"weight_only", "dynamic"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(weights="int4"), r"`weights` must be one of.*weights='int4'"),
        (dict(activations="float16"), "`activations` must be one of"),
        (dict(input_type="int16"), "`input_type` must be one of"),
        (dict(output_type="float16"), "`output_type` must be one of"),
        (dict(weights="float32"), "int8 need int8 weights"),
        (dict(weights="float16", activations="dynamic"), "need int8 weights"),
        (dict(activations="dynamic", input_type="int8"), "Integer inputs"),
        (dict(activations="float32", output_type="uint8"), "Integer inputs"),
        (
            dict(weights="float16", activations="float32", moment_rounding=True)
            | dict.fromkeys(INTEGER_FIELDS, False),
            "rounds int8 weights.*weights='float16'",
        ),
        (
            dict(calibration_percentile=50),
            r"in \(50, 100\].*calibration_percentile=50",
        ),
        (dict(calibration_percentile=100.1), "calibration_percentile=100.1"),
        (
            dict(calibration_percentile=float("nan")),
            "calibration_percentile=nan",
        ),
        # Letter by letter, it would match all layers.
        (dict(skip_layers="stem"), "`skip_layers` must be a list.*'stem'"),
        (dict(skip_ops="SOFTMAX"), "`skip_ops` must be a list of texts"),
        (
            dict(skip_ops=("ADD", "SOFTMAXX")),
            "no operation 'SOFTMAXX'. Did you mean 'SOFTMAX'",
        ),
        (dict(skip_ops=("zzz",)), "Did you mean .*'CONV_2D' or .*'TANH'"),
        (dict(skip_layers=("stem", "(head")), r"'\(head' is not a regular"),
    ],
)
def test_values_that_can_not_be(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(int8(), **changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ('{"name": "a"', "not JSON"),
        ('["int8"]', "JSON object"),
        ('{"weights": "int8"}', 'at least a "name"'),
        (
            '{"name": "a", "activation": "int8"}',
            "no field 'activation'. Did you mean 'activations'",
        ),
        ('{"name": "a", "zzz": 1}', "Did you mean 'name' or 'weights' or"),
        ('{"name": "a", "calibration_percentile": "all"}', "wrong type"),
        ('{"name": "a", "skip_layers": [1]}', "wrong type"),
        ('{"name": "a", "skip_ops": [1]}', "wrong type"),
        ('{"name": "a", "skip_ops": ["ad"]}', "no operation 'ad'"),
        ('{"name": "a", "skip_layers": 1}', "wrong type"),
    ],
)
def test_json_that_is_no_recipe(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Recipe.from_json(text)
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        find_recipe(path)


def test_unknown_recipes(tmp_path):
    with pytest.raises(ValueError, match="int8_full.*or a .json file.*int4"):
        find_recipe("int4")
    with pytest.raises(FileNotFoundError, match="no recipe at .*none.json"):
        find_recipe(tmp_path / "none.json")
