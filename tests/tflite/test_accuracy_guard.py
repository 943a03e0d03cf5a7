"""What of a recipe a model can afford."""

import dataclasses
import math

import pytest
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.tflite.accuracy_guard import GUARDED_FIELDS, guard_accuracy
from keras_mobilevit.tflite.flatbuffer import ParsedFile, write_model
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import (
    int8,
    int8_accurate,
    int8_full,
)


@pytest.fixture
def losses(monkeypatch):
    """dB that each field takes if alone; the file is its recipe.

    Under `"base"`, what the file has without any of them.
    """
    losses = dict.fromkeys(GUARDED_FIELDS, 0.0) | {"base": 20.0}

    def score(recipe):
        noise = 1 + sum(
            10 ** (losses[field] / 10) - 1
            for field in GUARDED_FIELDS
            if getattr(recipe, field)
        )
        return losses["base"] - 10 * math.log10(noise)

    module = "keras_mobilevit.tflite.accuracy_guard."
    monkeypatch.setattr(f"{module}quantize_parsed", lambda s, recipe, c: recipe)
    monkeypatch.setattr(f"{module}write_model", lambda recipe: recipe)
    monkeypatch.setattr(f"{module}sqnr_scorer", lambda *arguments: score)
    return losses


def kept(recipe, compat=None):
    found = guard_accuracy(ParsedFile(b"", None), recipe, None, [], compat)
    # The file of that recipe, not of one that was tried later.
    assert found.model == found.recipe
    return {field for field in GUARDED_FIELDS if getattr(found.recipe, field)}


def test_what_the_recipes_want():
    assert {
        recipe.name: {
            field for field in GUARDED_FIELDS if getattr(recipe, field)
        }
        for recipe in (int8(), int8_accurate(), int8_full())
    } == {
        "int8": set(GUARDED_FIELDS),
        "int8_accurate": {"integer_softmax"},
        "int8_full": set(),
    }


def test_all_is_kept_where_it_costs_nothing(losses):
    assert kept(int8()) == set(GUARDED_FIELDS)
    losses.update(integer_softmax=0.7, bit_exact_norms=0.7)
    assert kept(int8()) == set(GUARDED_FIELDS)


@pytest.mark.parametrize("field", GUARDED_FIELDS)
def test_what_costs_accuracy_goes(losses, field):
    losses[field] = 1.6
    assert kept(int8()) == set(GUARDED_FIELDS) - {field}


def test_an_accurate_file_keeps_all(losses):
    losses.update(integer_softmax=2, base=27.5)
    assert kept(int8()) == set(GUARDED_FIELDS)
    losses["base"] = 26.5
    assert kept(int8()) == {"bit_exact_norms"}


def test_a_gain_does_not_hide_a_loss(losses):
    losses.update(integer_softmax=-1, bit_exact_norms=2)
    assert kept(int8()) == {"integer_softmax"}


def test_a_large_loss_does_not_hide_a_small_one(losses):
    losses.update(integer_softmax=16, bit_exact_norms=5)
    assert kept(int8()) == set()


def test_what_a_recipe_does_not_want_is_not_tried(losses):
    assert kept(int8_full()) == set()
    bare = dataclasses.replace(int8(), **dict.fromkeys(GUARDED_FIELDS, False))
    assert kept(bare) == set()


def test_older_runtimes(losses):
    assert kept(int8(), compat="2.14") == set()


def test_attention_in_float_keeps_its_softmax(losses):
    floats = dataclasses.replace(int8(), skip_ops=("SOFTMAX", "BATCH_MATMUL"))
    assert "integer_softmax" not in kept(floats)


def test_the_model_need_not_be_made_again(
    tiny_parsed, tiny_float, tiny_calibration
):
    images = make_images(8, TINY_SIZE, seed=1)
    for compat in (None, "2.14"):
        found = guard_accuracy(
            tiny_parsed, int8(), tiny_calibration, images, compat
        )
        again = quantize(tiny_float, found.recipe, tiny_calibration)
        assert write_model(found.model) == again
