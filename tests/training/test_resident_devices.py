"""Resident images on several devices, against one."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from class_images import write_class_images
from run_files import read_rows

# Arguments: pictures, folder of the run, strategy, replicas. Without a
# strategy, this process gets the batches of all replicas as one.
RUN = """
import sys
from class_images import quick_recipe
from tiny_classifier import make_classifier
from keras_mobilevit.training import run
from keras_mobilevit.training.distribution import Distribution
from keras_mobilevit.training.tasks import classification
pictures, folder, strategy, replicas = sys.argv[1:]
replicas = int(replicas)
classification.build_classifier = lambda recipe, class_names: (
    make_classifier(None, activation=None)
)
if strategy == "none":
    alone = Distribution(replicas, slice(0, replicas))
    run.open_distribution = lambda *args, **options: alone
recipe = quick_recipe(
    input__resident="true",
    sampler__mode="standard",
    optimizer__sync_batch_norm="true",
)
run.run_recipe(recipe, pictures, pictures, folder, distribution=strategy)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "strategy", "devices"),
    [("jax", "data_parallel", 2), ("tensorflow", "mirrored", 1)],
)
def test_devices_have_the_same_images(backend, strategy, devices, tmp_path):
    """Losses of training as those of one device; JAX spreads each batch.

    TensorFlow has one device here, but hands out samplings by its strategy.
    """
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    pictures = write_class_images(tmp_path / "pictures")
    losses = []
    for name, count in (("none", 1), (strategy, devices)):
        arguments = (pictures, tmp_path / name, name, str(devices))
        flags = f"--xla_force_host_platform_device_count={count}"
        subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            cwd=pathlib.Path(__file__).parent,
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "XLA_FLAGS": flags,
                "TF_CPP_MIN_LOG_LEVEL": "2",
            },
            check=True,
        )
        losses.append(
            [float(row["loss"]) for row in read_rows(tmp_path / name)]
        )
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(*losses, rtol=1e-5)
