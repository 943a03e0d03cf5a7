"""Small pictures with masks or boxes, and recipes quick enough."""

import json

import numpy as np
from PIL import Image

from keras_mobilevit.training.recipe import load_recipe

COLOURS = np.uint8([[30, 30, 30], [220, 40, 40], [40, 40, 220]])
SIDES = (40, 56)


def write_masked(folder, count=6, void=11, seed=0):
    """Pictures in three colours, and masks of which colour is where."""
    rng = np.random.default_rng(seed)
    for kind in ("train", "trainannot"):
        (folder / kind).mkdir(parents=True)
    for index in range(count):
        ids = np.zeros(SIDES, np.uint8)
        top, left = rng.integers(0, 12, 2)
        ids[top : top + 20, left : left + 16] = 1
        ids[:, 40:] = 2
        pixels = COLOURS[ids] + rng.integers(0, 20, (*SIDES, 3), np.uint8)
        ids[-2:] = void
        name = f"{index}.png"
        Image.fromarray(pixels).save(folder / "train" / name)
        Image.fromarray(ids).save(folder / "trainannot" / name)
    return folder / "train", folder / "trainannot"


def write_boxed(folder, count=6):
    """Red boxes on the left, blue ones on the right, at two heights each.

    Categories 3 and 7; the last picture has no box.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    images, annotations = [], []
    for index in range(count):
        pixels = np.full((*SIDES, 3), 60, np.uint8)
        name, category = f"{index}.png", (3, 7)[index % 2]
        images.append(
            {"id": index, "file_name": name, "height": 40, "width": 56}
        )
        if index < count - 1:
            left, top = (3, 35)[index % 2], (2, 20)[index // 2 % 2]
            width, height = 19, 17
            part = pixels[top : top + height, left : left + width]
            part[...] = COLOURS[1 + index % 2]
            annotations.append(
                {
                    "image_id": index,
                    "category_id": category,
                    "bbox": [left, top, width, height],
                }
            )
        Image.fromarray(pixels).save(pictures / name)
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 3, "name": "red"}, {"id": 7, "name": "blue"}],
    }
    path = folder / "boxes.json"
    path.write_text(json.dumps(content))
    return pictures, path


_QUICK = {
    "schedule.epochs": "2",
    "schedule.warmup_steps": "1",
    "optimizer.ema_momentum": "0.5",
    "sampler.batch_size": "3",
}


def quick_segmentation(**changes):
    """Two epochs of a few steps; dots in fields are double underscores."""
    return _quick(
        "camvid",
        {
            "sampler.size": "32",
            "evaluation.size": "48",
            "segmentation.labels": '["dark", "red", "blue"]',
        },
        changes,
    )


def quick_detection(**changes):
    """Likewise."""
    return _quick(
        "detection",
        {
            "variant": "mobilevit_xxs",
            "weights": "cifar10",
            "optimizer.mixed_precision": "false",
            "optimizer.sync_batch_norm": "false",
            "sampler.size": "64",
            "evaluation.size": "64",
            "detection.map_epochs": "2",
        },
        changes,
    )


def _quick(name, fields, changes):
    changes = {name.replace("__", "."): v for name, v in changes.items()}
    return load_recipe(name, {**_QUICK, **fields, **changes})
