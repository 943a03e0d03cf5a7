"""The key layouts against the reference key map, and against each other."""

import numpy as np
import pytest
from key_lists import read_shapes

from keras_mobilevit.checkpoints import layouts
from keras_mobilevit.checkpoints.modules import KEYS

FOREIGN = ("cvnets", "timm", "hf", "kecam")


def random_weights(model):
    rng = np.random.default_rng(2)
    return {
        v.path: rng.normal(size=v.shape).astype(np.float32)
        for v in model.weights
    }


def test_table_covers_the_model(model):
    paths = [weight.path for weight in layouts.table("keras")]
    assert len(paths) == len(set(paths)) == 315
    assert set(paths) == {v.path for v in model.weights}


@pytest.mark.parametrize("variant", ["xxs", "xs", "s"])
@pytest.mark.parametrize("layout", ["cvnets", "timm", "hf"])
def test_keys_are_those_of_the_reference(layout, variant):
    reference = read_shapes(layout, variant)
    keys = {weight.key for weight in layouts.table(layout)}
    assert keys == {k for k in reference if "num_batches_tracked" not in k}


def test_kecam_keys_are_those_of_the_reference(checkpoint):
    keys = {weight.key for weight in layouts.table("kecam")}
    assert keys == {row["kecam"] for row in checkpoint.rows}


@pytest.mark.parametrize("layout", FOREIGN)
def test_from_keras_writes_the_reference_shapes(model, checkpoint, layout):
    tensors = layouts.from_keras(random_weights(model), layout)
    reference = checkpoint.tensors(layout)
    assert {k: v.shape for k, v in tensors.items()} == {
        k: v.shape for k, v in reference.items()
    }
    counters = [k for k in tensors if k.endswith("num_batches_tracked")]
    assert len(counters) == (0 if layout == "kecam" else 32)
    assert all(tensors[k] == 0 for k in counters)
    assert all(tensors[k].dtype == np.int64 for k in counters)


@pytest.mark.parametrize("layout", FOREIGN)
def test_detects_layout(checkpoint, layout):
    assert layouts.detect_layout(checkpoint.tensors(layout)) == layout


def test_detect_refuses_strangers():
    with pytest.raises(ValueError, match="first keys are .*fc.weight"):
        layouts.detect_layout(["fc.weight", "fc.bias"])


def test_all_layouts_agree(checkpoint):
    weights = {
        layout: layouts.to_keras(checkpoint.tensors(layout), layout)
        for layout in FOREIGN
    }
    assert len(weights["timm"]) == 315
    for layout in FOREIGN:
        assert weights[layout].keys() == weights["timm"].keys()
        for path, array in weights["timm"].items():
            np.testing.assert_array_equal(weights[layout][path], array, path)


def test_transposes(checkpoint):
    # Table 5.1 of the reference, one index at a time.
    torch, keras = (
        checkpoint.base,
        layouts.to_keras(checkpoint.tensors("timm"), "timm"),
    )
    block, out = "layer_3.1.global_rep.1", "stage3_block/transformer_1"
    stem = torch["conv_1.block.conv.weight"]
    assert keras["stem/conv/kernel"][0, 2, 1, 5] == stem[5, 1, 0, 2]
    depthwise = torch["layer_2.0.block.conv_3x3.block.conv.weight"]
    found = keras["stage2_ir1/depthwise/conv/kernel"]
    assert found.shape == (3, 3, 32, 1)
    assert found[0, 2, 7, 0] == depthwise[7, 0, 0, 2]
    dense = torch["classifier.fc.weight"]
    assert keras["predictions/kernel"][11, 3] == dense[3, 11]
    qkv = torch[f"{block}.pre_norm_mha.1.qkv_proj.weight"]
    bias = torch[f"{block}.pre_norm_mha.1.qkv_proj.bias"]
    d, key_dim = 64, 16
    for third, name in enumerate(("query", "key", "value")):
        kernel = keras[f"{out}/attention/{name}/kernel"]
        row = third * d + 3 * key_dim + 5  # head 3, its channel 5
        assert kernel.shape == (d, 4, key_dim)
        assert kernel[9, 3, 5] == qkv[row, 9]
        assert keras[f"{out}/attention/{name}/bias"][3, 5] == bias[row]
    merge = torch[f"{block}.pre_norm_mha.1.out_proj.weight"]
    kernel = keras[f"{out}/attention/attention_output/kernel"]
    assert kernel[3, 5, 9] == merge[9, 3 * key_dim + 5]
    norm = torch["layer_3.1.global_rep.2.bias"]
    np.testing.assert_array_equal(keras["stage3_block/norm/beta"], norm)


@pytest.mark.parametrize("channel_order", [None, "rgb", "bgr"])
@pytest.mark.parametrize("layout", KEYS.layouts)
def test_round_trip_is_exact(model, layout, channel_order):
    weights = random_weights(model)
    tensors = layouts.from_keras(weights, layout, channel_order)
    again = layouts.to_keras(tensors, layout, channel_order)
    assert again.keys() == weights.keys()
    for path, array in weights.items():
        np.testing.assert_array_equal(again[path], array, path)


@pytest.mark.parametrize("layout", FOREIGN)
def test_channel_order(model, layout):
    weights = random_weights(model)
    rgb, bgr, default = (
        layouts.to_keras(layouts.from_keras(weights, layout, "rgb"), layout, o)
        for o in ("rgb", "bgr", None)
    )
    stem = weights["stem/conv/kernel"]
    flipped = stem[:, :, ::-1]
    np.testing.assert_array_equal(rgb["stem/conv/kernel"], stem)
    np.testing.assert_array_equal(bgr["stem/conv/kernel"], flipped)
    expected = flipped if layout in ("cvnets", "hf") else stem
    np.testing.assert_array_equal(default["stem/conv/kernel"], expected)


def test_channel_order_is_checked():
    tensors = {"stem.conv.weight": np.zeros((16, 3, 3, 3), np.float32)}
    with pytest.raises(ValueError, match="channel_order='brg'"):
        layouts.to_keras(tensors, "timm", "brg")


def test_parts_of_a_model_convert_alone(model):
    weights = random_weights(model)
    backbone = {k: v for k, v in weights.items() if k.startswith("stage")}
    tensors = layouts.from_keras(backbone, "hf")
    assert layouts.to_keras(tensors, "hf").keys() == backbone.keys()
