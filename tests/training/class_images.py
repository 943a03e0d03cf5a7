"""Small coloured pictures in class folders, and a recipe quick enough."""

import numpy as np
from PIL import Image

from keras_mobilevit.training.recipe import load_recipe

CLASSES = ("blue", "green", "red")


def write_class_images(folder, count=12, side=40, seed=0):
    """Writes `count` pictures of three classes, told apart by their colour."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        label = index % 3
        pixels = rng.integers(0, 100, (side, side, 3), np.uint8)
        pixels[..., 2 - label] += 150
        path = folder / CLASSES[label] / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


QUICK = {
    "schedule.epochs": "2",
    "schedule.warmup_steps": "1",
    "optimizer.ema_momentum": "0.5",
    "sampler.size": "48",
    "sampler.batch_size": "3",
    "sampler.divisor": "16",
    "evaluation.size": "48",
}


def quick_recipe(**changes):
    """Two epochs of a few steps; dots in fields are double underscores."""
    changes = {name.replace("__", "."): v for name, v in changes.items()}
    return load_recipe("flowers", {**QUICK, **changes})
