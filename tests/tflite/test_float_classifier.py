"""int8_accurate keeps classifiers in float, with activation or without."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest
from small_model import make_images
from tiny_model import TINY_SIZE, make_tiny_model

from keras_mobilevit.tflite import (
    convert,
    export_tflite,
    find_recipe,
    read_metadata,
)
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    ParsedFile,
    op_name,
    read_model,
)
from keras_mobilevit.tflite.quantization.float_classifier import (
    with_float_classifier,
)
from keras_mobilevit.tflite.quantization.unmatched_layers import (
    warn_of_unmatched_layers,
)

PLAIN = find_recipe("int8")
ACCURATE = find_recipe("int8_accurate")


@pytest.fixture(scope="module")
def logits_model():
    model = make_tiny_model()
    model.layers[-1].activation = keras.activations.linear
    return keras.models.clone_model(model)


@pytest.fixture(scope="module")
def logits_parsed(logits_model):
    return ParsedFile.parse(convert(logits_model))


def test_a_classifier_that_gives_logits_is_found(logits_parsed):
    found = with_float_classifier(ACCURATE, logits_parsed.model)
    assert found.skip_layers[:-1] == ACCURATE.skip_layers
    assert found.stays_float("output")
    # As the quantizer matches names.
    assert found.stays_float("output;")
    assert not found.stays_float("outputs")
    assert with_float_classifier(found, logits_parsed.model) is found


def test_recipes_stay_what_they_are_elsewhere(logits_parsed, tiny_parsed):
    assert with_float_classifier(PLAIN, logits_parsed.model) is PLAIN
    # By its name, since a softmax is behind it.
    assert with_float_classifier(ACCURATE, tiny_parsed.model) is ACCURATE
    for pattern in ("^stem/", "^(?!output)"):
        other = dataclasses.replace(PLAIN, name="mine", skip_layers=(pattern,))
        assert with_float_classifier(other, logits_parsed.model) is other


def test_no_warning_of_a_pattern_that_finds_it(logits_parsed):
    mine = dataclasses.replace(PLAIN, name="m", skip_layers=("^predictions/",))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unmatched_layers(mine, logits_parsed.model)
    assert with_float_classifier(mine, logits_parsed.model) is not mine


def test_the_exported_file_has_a_float_classifier(logits_model, tmp_path):
    path = export_tflite(
        logits_model,
        tmp_path / "a.tflite",
        ACCURATE,
        calibration=np.stack(make_images(20, TINY_SIZE, seed=1)),
        min_sqnr=None,
    )
    model = read_model(path.read_bytes())
    (graph,) = model.subgraphs
    last = graph.operators[-1]
    assert op_name(model, last) == "FULLY_CONNECTED"
    assert graph.tensors[int(last.inputs[0])].type == FLOAT32
    # What the user asked for, not a pattern for this file.
    stored = read_metadata(path).recipe_fields["skip_layers"]
    assert [*stored] == [*ACCURATE.skip_layers]
