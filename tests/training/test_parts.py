"""Which layer belongs to which part; what is frozen stays as it is."""

import keras
import numpy as np
import pytest
from tiny_classifier import copies, make_batch, make_classifier

from keras_mobilevit import MobileViTXXS, detection, segmentation
from keras_mobilevit.configs import VARIANTS
from keras_mobilevit.training.parts import (
    PARTS,
    freeze,
    part_of,
    rate_multipliers,
)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("stem", 0),
        ("stage1_ir", 1),
        ("stage2_ir3", 2),
        ("stage3_block", 3),
        ("stage4_ir", 4),
        ("stage5_block", 5),
        ("head", 6),
        ("predictions", 7),
        ("aspp", 6),
        ("pixel_predictions", 7),
        ("extra3_depthwise", 6),
        ("head0_project", 7),
        ("head5_predict", 7),
    ],
)
def test_part_of(name, part):
    assert part_of(name) == part


@pytest.mark.parametrize("name", ["conv2d_3", "stage6_ir", "my_stem"])
def test_part_of_a_foreign_layer(name):
    with pytest.raises(ValueError, match=f"named '{name}'"):
        part_of(name)


def test_every_trainable_parameter_has_a_part():
    """The classifier of XXS has 320 x 1000 weights and 1000 biases."""
    model = MobileViTXXS(weights=None, input_shape=(32, 32, 3))
    factors = rate_multipliers(model, 0.5)
    counts = dict.fromkeys(range(len(PARTS)), 0)
    for variable in model.trainable_variables:
        part = len(PARTS) - 1 + np.log2(factors[variable.path])
        counts[part] += int(np.prod(variable.shape))
    assert sum(counts.values()) == VARIANTS["mobilevit_xxs"].parameters
    assert counts[0] == 3 * 3 * 3 * 16 + 2 * 16
    assert counts[6] == 80 * 320 + 2 * 320
    assert counts[7] == 321_000
    assert all(counts.values())


@pytest.mark.parametrize(
    ("constructor", "parameters"),
    # Of all trainable ones, as published, those of the backbone are 924,784.
    [
        (segmentation.MobileViTDeepLabV3XXS, 1_854_853),
        (detection.MobileViTSSDLiteXXS, 1_755_050),
    ],
)
def test_six_parts_are_the_backbone(constructor, parameters):
    model = constructor(weights=None, input_shape=(64, 64, 3))
    factors = rate_multipliers(model, 1.0, head_rate=10.0)
    fast = [v for v in model.trainable_variables if factors[v.path] == 10]
    assert set(factors.values()) == {1, 10}
    freeze(model, 6)
    assert {v.path for v in model.trainable_variables} == {v.path for v in fast}
    behind = sum(int(np.prod(v.shape)) for v in fast)
    assert behind == parameters - 924_784


def test_rate_multipliers_by_hand():
    factors = rate_multipliers(make_classifier(), 0.5)
    assert factors["predictions/kernel"] == factors["predictions/bias"] == 1
    assert factors["head/conv/kernel"] == 0.5
    assert factors["stage3_block/norm/gamma"] == 0.5**4
    assert factors["stage1_ir/depthwise/conv/kernel"] == 0.5**6
    assert factors["stem/norm/beta"] == 0.5**7


def test_no_multipliers_for_any_model_without_a_decay():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert rate_multipliers(model, 1.0) == {}
    with pytest.raises(ValueError, match="named 'dense"):
        rate_multipliers(model, 0.9)
    freeze(model, 0)
    with pytest.raises(ValueError, match="named 'dense"):
        freeze(model, 1)


def test_both_factors_are_multiplied():
    factors = rate_multipliers(make_classifier(), 0.5, head_rate=10.0)
    assert factors["predictions/bias"] == 10
    assert factors["head/conv/kernel"] == 5
    assert factors["stage3_block/norm/gamma"] == 0.5**4


@pytest.mark.parametrize("head_rate", [0.0, -1.0])
def test_head_rate_out_of_its_range(head_rate):
    with pytest.raises(ValueError, match=f"head_rate={head_rate}"):
        rate_multipliers(make_classifier(), 1.0, head_rate)


@pytest.mark.parametrize("layer_decay", [0.0, -0.5, 1.1])
def test_layer_decay_out_of_its_range(layer_decay):
    with pytest.raises(ValueError, match=f"layer_decay={layer_decay}"):
        rate_multipliers(make_classifier(), layer_decay)


@pytest.mark.parametrize("count", [-1, 8])
def test_count_out_of_its_range(count):
    with pytest.raises(ValueError, match=f"from 0 to 7.*count={count}"):
        freeze(make_classifier(), count)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 7])
def test_frozen_parts_keep_weights_and_statistics(count):
    model = make_classifier()
    freeze(model, count)
    model.compile(
        keras.optimizers.AdamW(0.01, weight_decay=0.1),
        "categorical_crossentropy",
        jit_compile=False,
    )
    before = [copies(layer.weights) for layer in model.layers]
    model.fit(*make_batch(6), batch_size=3, epochs=2, verbose=0)
    for layer, old in zip(model.layers, before, strict=True):
        for variable, a, b in zip(
            layer.weights, old, layer.get_weights(), strict=True
        ):
            frozen = part_of(layer.name) < count
            assert np.array_equal(a, b) == frozen, variable.path
