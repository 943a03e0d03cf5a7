"""tfmot for real: what is in the weights after each method."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_mobilevit.compression import (
    Clustering,
    Pruning,
    QuantizationAware,
    kernel_statistics,
    sparsity,
)

# Four steps end anywhere.
pytestmark = pytest.mark.filterwarnings("ignore:.*took accuracy")

# 24 pictures, 6 a step.
STEPS = 4
CENTRED = {
    "stage3_block.project_in",
    "stage3_block.transformer_0.attention.attention_output",
    "stage3_block.transformer_0.dense2",
}
KERNELS = {
    "stem.conv",
    *(f"stage1_ir.{name}.conv" for name in ("expand", "reduce")),
    *(f"stage3_block.{n}.conv" for n in ("local", "project_out", "fusion")),
    *(
        f"stage3_block.transformer_0.attention.{name}"
        for name in ("query", "key", "value")
    ),
    "stage3_block.transformer_0.dense1",
    "predictions",
    *CENTRED,
}


def weights_of(model):
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}


def assert_same_architecture(model, other):
    assert other.to_json() == model.to_json()
    assert {n: w.shape for n, w in weights_of(other).items()} == {
        n: w.shape for n, w in weights_of(model).items()
    }


@pytest.fixture(scope="module")
def pruned(model, squeeze):
    return squeeze(model, Pruning(0.75))


def test_statistics(model):
    statistics = kernel_statistics(model)
    assert statistics.keys() == KERNELS
    # 3x3 kernel, 3 to 8 channels.
    assert statistics["stem.conv"].weights == 216
    assert sparsity(statistics.values()) == 0


def test_pruning(model, pruned):
    before = weights_of(model)
    statistics = kernel_statistics(pruned.model)
    assert statistics.keys() == KERNELS
    for name, kernel in statistics.items():
        if name == "stem.conv" or name in CENTRED:
            assert kernel.zeros == 0, name
        else:
            assert kernel.zeros == 3 * kernel.weights // 4, name
    assert_same_architecture(model, pruned.model)
    assert not sys.modules.keys() & {
        "tf_keras",
        "tensorflow_model_optimization",
    }
    assert pruned.outcome.steps == STEPS
    assert pruned.outcome.test_images == 24
    # Trained, biases and norms too, and not in place.
    after = weights_of(pruned.model)
    assert all(
        np.array_equal(before[n], w) for n, w in weights_of(model).items()
    )
    for name in ("stem/conv/kernel", "stage1_ir/depthwise/norm/gamma"):
        assert not np.array_equal(before[name], after[name])


def test_clustering_keeps_zeros(pruned, squeeze):
    clustered = squeeze(
        pruned.model, Clustering(8, keep_zeros=True, skip=r"stem\.")
    )
    assert_same_architecture(pruned.model, clustered.model)
    for name, kernel in kernel_statistics(clustered.model).items():
        if name == "stem.conv":
            assert kernel.values == kernel.weights
        elif name == "predictions":  # Too few of its 24 are not zero.
            assert (kernel.zeros, kernel.values) == (18, 7)
        else:
            assert 2 <= kernel.values <= 8, name
    before, after = weights_of(pruned.model), weights_of(clustered.model)
    for name in KERNELS - CENTRED - {"stem.conv"}:
        path = f"{name.replace('.', '/')}/kernel"
        assert not after[path][before[path] == 0].any(), name


def test_quantization_aware_training(model, squeeze):
    trained = squeeze(model, QuantizationAware())
    assert_same_architecture(model, trained.model)
    before, after = weights_of(model), weights_of(trained.model)
    moved = {
        name
        for name in before
        if name.endswith("kernel") and np.any(before[name] != after[name])
    }
    assert {
        name.removesuffix("/kernel").replace("/", ".") for name in moved
    } == {
        *KERNELS,
        "stage1_ir.depthwise.conv",
    }
    # Adam's steps are no longer than the rate; rounding is not in them.
    for name in moved:
        assert abs(before[name] - after[name]).max() <= STEPS * 1.1e-3


def test_a_layer_that_tfmot_can_not_take(squeeze):
    image = keras.Input((40, 48, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.PReLU(name="slope")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(3)(x))
    with pytest.raises(ValueError, match="can not take the layer 'slope'"):
        squeeze(model, Pruning())


@pytest.mark.slow
def test_two_of_four(model, squeeze):
    """Groups are four input channels, in the order of a `.tflite` file."""
    result = squeeze(model, Pruning(pattern="2:4", skip=r"stem\."))
    weights = weights_of(result.model)
    for name in KERNELS - {"stem.conv"}:
        kernel = weights[f"{name.replace('.', '/')}/kernel"]
        if kernel.ndim == 3:  # Attention: heads belong to one side.
            inner = name.endswith("attention_output")
            rows = kernel.shape[0] * (kernel.shape[1] if inner else 1)
            kernel = kernel.reshape(rows, -1)
        groups = np.moveaxis(kernel, -2, -1).reshape(-1, 4)
        assert np.all((groups == 0).sum(1) >= 2), name


@pytest.mark.slow
def test_blocks(model, squeeze):
    result = squeeze(model, Pruning(0.5, block="4x1"))
    kernel = weights_of(result.model)[
        "stage3_block/transformer_0/dense1/kernel"
    ]
    blocks = kernel.reshape(4, 4, 32) == 0
    assert np.all(blocks.all(1) == blocks.any(1))
    assert blocks.mean() == 0.5


@pytest.mark.slow
def test_training_rounds_as_an_int8_file_does(model, squeeze, tmp_path):
    """Weights on 255 steps a channel, outputs on 256, within their range."""
    model.save(tmp_path / "model.keras")
    code = """
import json, sys
import keras, numpy as np
import keras_mobilevit.layers
from keras_mobilevit.compression.quantizers import quantize
from keras_mobilevit.compression.twin import build_twin
model = keras.saving.load_model(sys.argv[1])
twin = build_twin(model)
images = np.random.default_rng(0).uniform(0, 255, (8, 40, 48, 3))
images = images.astype("float32")
rounding, strip = quantize(twin, lambda name: False, images)
for layer in rounding.layers:
    if hasattr(getattr(layer, "layer", None), "momentum"):
        layer.layer.momentum = 1.0  # Statistics stay as they are.
rounding(images, training=True)  # Sets the scales of the weights.
expected = model.predict_on_batch(images)
found = rounding(images, training=False).numpy()
names = {"conv": "stage1_ir.expand", "depthwise": "stage1_ir.depthwise"}
kernels = {
    "conv": rounding.get_layer("quant_stage1_ir.expand.conv").layer.kernel,
    "depthwise": rounding.get_layer(
        "quant_stage1_ir.depthwise.conv"
    ).layer.depthwise_kernel,
    "dense": rounding.get_layer(
        "quant_stage3_block.transformer_0.dense1"
    ).layer.kernel,
}
print(json.dumps({
    "error": float(abs(expected - found).max()),
    "kernels": {
        name: np.array(kernel).tolist() for name, kernel in kernels.items()
    },
}))
"""
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.keras"],
        env={
            **os.environ,
            "TF_USE_LEGACY_KERAS": "1",
            "KERAS_BACKEND": "tensorflow",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert 0 < found["error"] < 0.1
    for name, kernel in found["kernels"].items():
        kernel = np.array(kernel)
        if name == "depthwise":
            kernel = np.swapaxes(kernel, -1, -2)
        kernel = kernel.reshape(-1, kernel.shape[-1])
        scale = abs(kernel).max(axis=0) / 127
        steps = kernel / scale
        assert abs(steps - np.round(steps)).max() < 1e-3, name
