"""Counts of weights and shapes of all variants, as published."""

import json

import keras
import pytest
from published_facts import (
    BACKBONE,
    CHANNELS,
    LAST_DIMS,
    NOTOP,
    STAGE_NAMES,
    STAGES,
    TOP,
    counts,
)

from keras_mobilevit import MobileViTBackbone, layers


@pytest.fixture(scope="module")
def classifier(constructor):
    return constructor(weights=None)


@pytest.fixture(scope="module")
def extractor(constructor):
    return constructor(weights=None, include_top=False)


@pytest.fixture(scope="module")
def backbone(variant):
    return MobileViTBackbone(variant, weights=None)


# === Counts ===


def test_counts_with_top(variant, classifier):
    assert counts(classifier) == TOP[variant]
    assert classifier.count_params() == sum(TOP[variant])


def test_counts_without_top(variant, extractor):
    assert counts(extractor) == (NOTOP[variant], TOP[variant][1])


def test_counts_of_the_backbone(variant, backbone):
    assert counts(backbone) == BACKBONE[variant]


def test_counts_per_stage(variant, classifier):
    found = dict.fromkeys(STAGE_NAMES, 0)
    for layer in classifier.layers:
        if layer.weights:
            name = layer.name
            name = "stage2_ir" if name.startswith("stage2_ir") else name
            found[name] += counts(layer)[0]
    assert found == dict(zip(STAGE_NAMES, STAGES[variant], strict=True))


def test_number_of_norms(classifier):
    layers = list(classifier._flatten_layers())
    for kind, count in (
        (keras.layers.BatchNormalization, 32),
        (keras.layers.LayerNormalization, 21),
    ):
        assert sum(isinstance(layer, kind) for layer in layers) == count


def test_norm_epsilons(classifier):
    """Keras' own default is 1e-3; the weights were trained with 1e-5."""
    kinds = (keras.layers.BatchNormalization, keras.layers.LayerNormalization)
    for layer in classifier._flatten_layers():
        if isinstance(layer, kinds):
            assert layer.epsilon == pytest.approx(1e-5), layer.path


@pytest.mark.parametrize(("variant", "rate"), [("xxs", 0.05), ("s", 0.1)])
def test_dropout_rates_of_the_paper(variant, rate):
    model = MobileViTBackbone(f"mobilevit_{variant}", weights=None)
    rates = [
        layer.drop.rate
        for layer in model._flatten_layers()
        if isinstance(layer, layers.TransformerLayer)
    ]
    assert rates == [rate] * 9


# === Shapes ===


def test_default_shapes(variant, classifier, extractor):
    assert classifier.name == variant
    assert classifier.input_shape == (None, 256, 256, 3)
    assert classifier.output_shape == (None, 1000)
    assert extractor.input_shape == (None, None, None, 3)
    assert extractor.output_shape == (None, None, None, LAST_DIMS[variant])


def test_pyramid_channels(variant, backbone):
    assert backbone.name == f"{variant}_backbone"
    assert list(backbone.output) == ["P1", "P2", "P3", "P4", "P5"]
    found = tuple(x.shape[-1] for x in backbone.output.values())
    assert found == CHANNELS[variant]


def test_config_round_trip(constructor, classifier):
    config = json.loads(json.dumps(classifier.get_config()))
    copy = classifier.__class__.from_config(config)
    shapes = [w.shape for w in classifier.weights]
    assert [w.shape for w in copy.weights] == shapes
    assert counts(copy) == counts(classifier)
