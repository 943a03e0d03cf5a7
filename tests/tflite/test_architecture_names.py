"""Layers are known by what they are: recipes find them wherever they stand."""

import dataclasses
import warnings

import keras
import pytest
from exported import predict
from small_model import LABELS, SIZE, make_images, make_model
from tiny_dense import make_tiny_segmenter

import keras_mobilevit
from keras_mobilevit.detection import MobileViTSSDLiteXXS
from keras_mobilevit.tflite import (
    export_tflite,
    find_recipe,
    inspect,
)
from keras_mobilevit.tflite.architecture_names import (
    architecture_names,
    rename,
)
from keras_mobilevit.tflite.flatbuffer import read_model
from keras_mobilevit.tflite.quantization.unmatched_layers import (
    warn_of_unmatched_layers,
)

BLOCKS = ["stem", "stage1_ir", "stage2_ir1", "stage2_ir2", "stage2_ir3"]
BLOCKS += [f"stage{i}_{kind}" for i in (3, 4, 5) for kind in ("ir", "block")]


@pytest.fixture(scope="module")
def backbone():
    return keras_mobilevit.MobileViTXXS(
        include_top=False,
        weights="cifar10",
        pooling="avg",
        input_shape=(*SIZE, 3),
    )


def renamed(model):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.name = "left"
    for layer in copy.layers[1:]:
        layer.name = f"left_{layer.name}"
    return copy


def compose(backbone):
    """The small model, as somebody builds it who fine-tunes."""
    dense = keras.layers.Dense(len(LABELS), "softmax", name="animals")
    inputs = keras.Input((*SIZE, 3))
    inner = keras.Sequential(
        [keras.Input((*SIZE, 3)), backbone, keras.layers.Dropout(0.1)]
    )
    model = keras.Model(inputs, dense(inner(inputs)), name="animals")
    dense.set_weights(make_model().layers[-1].get_weights())
    return model


def names_of_blocks(network):
    return [
        name
        for (name, *rest) in architecture_names(network).values()
        if not rest and name in BLOCKS
    ]


def test_own_networks_keep_their_names(backbone):
    names = architecture_names(backbone)
    assert names_of_blocks(backbone) == BLOCKS
    assert all(path == name for path, name in names.items())


def test_nested_renamed_and_deployed(backbone):
    model = compose(renamed(backbone))
    names = architecture_names(model)
    assert names_of_blocks(model) == BLOCKS
    assert architecture_names(keras_mobilevit.reparameterize(model)) == names
    sequential = model.layers[1].name
    path = (sequential, "left", "left_stage3_block", "local", "conv")
    assert rename(path, names) == ("stage3_block", "local", "conv")
    # In front and behind, names of one's own.
    assert rename((sequential, "left", "left_preprocessing"), names) == (
        "preprocessing",
        "left_preprocessing",
    )
    assert rename(("animals",), names) == ("predictions", "animals")
    assert rename(("other", "stem"), names) == ("other", "stem")


def test_two_backbones(backbone):
    inputs = keras.Input((*SIZE, 3))
    features = [backbone(inputs), renamed(backbone)(inputs)]
    model = keras.Model(inputs, keras.layers.Add()(features))
    assert sorted(names_of_blocks(model)) == sorted(2 * BLOCKS)


def test_heads_for_dense_prediction_are_not_taken_for_others():
    """A convolution block of SSDLite looks like that behind the backbone."""
    model = MobileViTSSDLiteXXS(weights=None)
    assert [*architecture_names(model).values()] == [(b,) for b in BLOCKS]


def test_other_networks_have_no_such_names():
    network = keras.applications.MobileNetV2(
        input_shape=(64, 64, 3), alpha=0.35, weights=None, classes=7
    )
    assert architecture_names(network) == {}
    # A few layers of ours are not the architecture.
    assert architecture_names(make_tiny_segmenter()) == {}


def types_of(path):
    model = read_model(path.read_bytes())
    (graph,) = model.subgraphs
    return [
        (op.opcodeIndex, [graph.tensors[t].type for t in op.outputs])
        for op in graph.operators
    ]


@pytest.mark.slow
def test_a_composed_model_gives_the_same_file(backbone, tmp_path):
    """Not as before, one in which everything is int8."""
    images = make_images(30, seed=1)
    files = [
        export_tflite(
            model,
            tmp_path / f"{index}.tflite",
            "int8_accurate",
            calibration=images,
        )
        for index, model in enumerate(
            (make_model(), compose(backbone), compose(renamed(backbone)))
        )
    ]
    flat, *others = files
    pictures = make_images(4, seed=2)
    for other in others:
        assert types_of(other) == types_of(flat)
        assert (predict(other, pictures) == predict(flat, pictures)).all()
        inspect(other).require_full_delegation()


def test_a_recipe_that_matches_nothing_warns(tiny_parsed):
    recipe = find_recipe("int8_accurate")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Of the architecture's layers, it has some.
        warn_of_unmatched_layers(recipe, tiny_parsed.model)
        warn_of_unmatched_layers(find_recipe("int8"), tiny_parsed.model)
    other = tiny_parsed.copy_model()
    for tensor in other.subgraphs[0].tensors:
        tensor.name = b"net/" + tensor.name
    with pytest.warns(UserWarning, match="int8_accurate keeps .* no layer"):
        warn_of_unmatched_layers(recipe, other)


def test_a_pattern_of_ones_own_that_matches_nothing_warns(tiny_parsed):
    recipe = dataclasses.replace(
        find_recipe("int8"), name="mine", skip_layers=("^stem/", "^stemm/")
    )
    with pytest.warns(UserWarning, match=r"mine keeps.*matches \^stemm/;"):
        warn_of_unmatched_layers(recipe, tiny_parsed.model)
