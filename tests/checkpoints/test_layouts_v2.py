"""The key layouts of MobileViTv2 against the published keys and shapes."""

import numpy as np
import pytest
from key_lists import VARIANTS_V2, read_shapes

from keras_mobilevit.checkpoints import layouts
from keras_mobilevit.mobilevit_v2 import CONSTRUCTORS

V2 = "mobilevitv2"


def random_tensors(layout, width):
    rng = np.random.default_rng(2)
    return {
        key: np.zeros(shape, np.int64)
        if key.endswith("num_batches_tracked")
        else rng.normal(size=shape).astype(np.float32)
        for key, shape in read_shapes(f"{layout}_v2", width).items()
    }


@pytest.mark.parametrize("width", VARIANTS_V2)
@pytest.mark.parametrize("layout", ["cvnets", "timm", "hf"])
def test_published_keys_round_trip(layout, width):
    tensors = random_tensors(layout, width)
    weights = layouts.to_keras(tensors, layout, architecture=V2)
    again = layouts.from_keras(weights, layout, architecture=V2)
    assert again.keys() == tensors.keys()
    for key, array in tensors.items():
        np.testing.assert_array_equal(again[key], array, key)


@pytest.mark.parametrize("layout", ["cvnets", "timm", "hf"])
def test_published_keys_are_recognised(layout):
    keys = read_shapes(f"{layout}_v2", "050")
    assert layouts.detect(keys) == (V2, layout)


@pytest.mark.parametrize(
    "width",
    [
        "050",
        *(pytest.param(w, marks=pytest.mark.slow) for w in VARIANTS_V2[1:]),
    ],
)
def test_published_shapes_are_those_of_the_model(width):
    model = CONSTRUCTORS[f"mobilevitv2_{width}"](weights=None)
    weights = layouts.to_keras(
        random_tensors("timm", width), "timm", architecture=V2
    )
    assert {k: v.shape for k, v in weights.items()} == {
        v.path: tuple(v.shape) for v in model.weights
    }


@pytest.mark.parametrize("layout", ["cvnets", "timm", "hf", "kecam"])
def test_channel_order_is_rgb_by_default(layout):
    tensors = random_tensors("timm", "050")
    weights = layouts.to_keras(tensors, "timm", architecture=V2)
    written = layouts.from_keras(weights, layout, architecture=V2)
    rgb, bgr, default = (
        layouts.to_keras(written, layout, order, architecture=V2)[
            "stem/conv/kernel"
        ]
        for order in ("rgb", "bgr", None)
    )
    stem = tensors["stem.conv.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(default, stem)
    np.testing.assert_array_equal(rgb, stem)
    np.testing.assert_array_equal(bgr, stem[:, :, ::-1])
