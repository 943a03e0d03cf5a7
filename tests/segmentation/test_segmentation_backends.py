"""Networks, loss and metrics give the same numbers on every backend."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_mobilevit.segmentation import (
    MeanIoU,
    MobileViTDeepLabV3XXS,
    PixelAccuracy,
    PixelCrossentropy,
)

CODE = """
import json, sys
import keras, numpy as np
from keras_mobilevit import segmentation as s
with np.load(sys.argv[1] + "/data.npz") as data:
    image, labels, logits = data["image"], data["labels"], data["logits"]
model = s.MobileViTDeepLabV3XXS(
    weights=sys.argv[1] + "/a.weights.h5", input_shape=(72, 56, 3), classes=5
)
outputs = keras.ops.convert_to_numpy(model(image, training=False))
np.save(sys.argv[1] + "/outputs.npy", outputs)
loss = float(s.PixelCrossentropy()(labels, logits))
metrics = [s.MeanIoU(5), s.PixelAccuracy(5)]
for metric in metrics:
    metric.update_state(labels, logits)
# Compiled, where shapes have to be known beforehand.
small = keras.Sequential([keras.Input((72, 56, 5)), keras.layers.Flatten(),
                          keras.layers.Reshape((72, 56, 5))])
small.compile(loss=s.PixelCrossentropy(), metrics=[s.MeanIoU(5)])
both = small.evaluate(np.tile(image[..., :1], 5), labels, verbose=0)
print(json.dumps([
    keras.backend.backend(),
    loss, *(float(metric.result()) for metric in metrics), *both,
]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_agree(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 255, (1, 72, 56, 3)).astype(np.float32)
    labels = rng.integers(0, 5, (1, 72, 56))
    labels[0, :9] = 255
    logits = rng.normal(size=(1, 5, 4, 5)).astype(np.float32)
    np.savez(tmp_path / "data", image=image, labels=labels, logits=logits)
    model = MobileViTDeepLabV3XXS(
        weights=None, input_shape=(72, 56, 3), classes=5
    )
    model.save_weights(tmp_path / "a.weights.h5")
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    name, *found = json.loads(result.stdout.splitlines()[-1])
    assert name == backend

    expected = np.array(model(image))
    error = abs(np.load(tmp_path / "outputs.npy") - expected).max()
    assert error <= 1e-5 * abs(expected).max()
    metrics = MeanIoU(5), PixelAccuracy(5)
    for metric in metrics:
        metric.update_state(labels, logits)
    by_hand = [float(PixelCrossentropy()(labels, logits))]
    by_hand += [float(metric.result()) for metric in metrics]
    assert found[:3] == pytest.approx(by_hand, rel=1e-5)
    # All classes are alike there: the loss is log(5), the answer class 0.
    labelled = labels[labels != 255]
    first = np.mean(labelled == 0)
    assert found[3:] == pytest.approx([np.log(5), first / 5], rel=1e-5)
