"""The steps of detection give the same on every backend."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_mobilevit.detection import (
    MobileViTSSDLiteXXS,
    MultiBoxLoss,
    make_anchors,
    make_targets,
    select_boxes,
)

CODE = """
import json, pathlib, sys
import keras, numpy as np
from keras_mobilevit import detection
folder = pathlib.Path(sys.argv[1])
model = detection.MobileViTSSDLiteXXS(
    weights=folder / "a.weights.h5", input_shape=(64, 64, 3), classes=4
)
x, y, targets = (np.load(folder / f"{n}.npy") for n in ("x", "y", "targets"))
found = keras.ops.convert_to_numpy(model(x, training=False))
loss = detection.MultiBoxLoss()(targets, y)
select = lambda y: detection.select_boxes(y, (64, 64), score_threshold=0.2)
if keras.backend.backend() == "jax":
    import jax
    select = jax.jit(select)
selection = select(keras.ops.convert_to_tensor(y))
arrays = [keras.ops.convert_to_numpy(a).tolist() for a in selection]
print(json.dumps({
    "backend": keras.backend.backend(),
    "error": float(abs(found - y).max() / abs(y).max()),
    "loss": float(loss),
    "selection": arrays,
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_agree(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    model = MobileViTSSDLiteXXS(
        weights=None, input_shape=(64, 64, 3), classes=4
    )
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            w + 0.1 * abs(rng.normal(size=w.shape)) if w.ndim == 1 else w * 2
            for w in model.get_weights()
        ]
    )
    x = rng.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    y = np.array(model(x))
    boxes = [[0.1, 0.1, 0.6, 0.7], [0.5, 0.3, 0.9, 0.9]]
    targets = make_targets(boxes, [1, 3], make_anchors((64, 64)))
    targets = np.stack([targets, 0 * targets])
    model.save_weights(tmp_path / "a.weights.h5")
    for name, array in (("x", x), ("y", y), ("targets", targets)):
        np.save(tmp_path / f"{name}.npy", array)
    result = subprocess.run(
        [sys.executable, "-c", CODE, tmp_path],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["backend"] == backend
    assert found["error"] <= 1e-5
    loss = float(MultiBoxLoss()(targets, y))
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    selection = select_boxes(y, (64, 64), score_threshold=0.2)
    assert np.array(selection.count).min() > 2
    for mine, other in zip(selection, found["selection"], strict=True):
        np.testing.assert_allclose(np.array(mine), other, rtol=1e-4, atol=1e-5)
