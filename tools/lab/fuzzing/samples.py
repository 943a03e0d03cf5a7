"""Small whole files of each kind, to be damaged."""

from __future__ import annotations

import io
import json
import pathlib
import tarfile
from collections.abc import Callable, Mapping

import h5py
import keras
import numpy as np
import safetensors.numpy
from PIL import Image

from fuzzing.packed_images import write_shards
from fuzzing.torch_writer import write_torch
from keras_mobilevit import checkpoints, layers
from keras_mobilevit.checkpoints import layouts
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite import export_tflite
from keras_mobilevit.training.recipes import FOLDER

_SIZE = (32, 48)


def write_samples(kind: str, folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the samples of a kind.

    Args:
        kind: One of `SAMPLES`.
        folder: Where to.

    Returns:
        Their paths.
    """
    return SAMPLES[kind](folder)


# === Checkpoints: the names of a real one, with a few values each ===


def _tensors(layout: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        weight.key: rng.normal(size=4).astype(np.float32)
        for weight in layouts.table(layout, "classification")
    }


def _write_kecam(folder):
    paths = []
    for name, options in (("old", {}), ("new", {"libver": "latest"})):
        path = folder / f"{name}.h5"
        with h5py.File(path, "w", **options) as file:
            tensors = _tensors("kecam")
            names = list(dict.fromkeys(n.split("/")[0] for n in tensors))
            file.attrs["layer_names"] = [name.encode() for name in names]
            for key, array in tensors.items():
                layer, _, weight = key.partition("/")
                file[f"{layer}/{layer}/{weight}:0"] = array
        paths.append(path)
    return paths


def _write_keras_h5(folder):
    """The structure of the embedded file, plain and compressed."""
    embedded = checkpoints.fetch("cifar10", "mobilevit_xxs")
    plain, compact = folder / "plain.weights.h5", folder / "compact.weights.h5"
    with h5py.File(embedded, "r") as source:
        with h5py.File(plain, "w") as target:
            _copy(source, target, keep=4, options={})
        options = {"compression": "gzip", "shuffle": True}
        with h5py.File(compact, "w", libver="latest") as target:
            _copy(source, target, keep=64, options=options)
    return [plain, compact]


def _copy(source, target, keep, options):
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(name), keep, options)
        else:
            values = item[()].ravel()[:keep]
            target.create_dataset(name, data=values, **options)


def _write_keras(folder):
    path = folder / "model.keras"
    _network().save(path)
    checkpoints.add_info(path, ModelInfo(name="network", classes=5))
    return [path]


def _write_torch(folder):
    paths = [folder / "zip.pth", folder / "legacy.pt"]
    for path in paths:
        write_torch(path, _tensors("timm"), is_zip=path.stem == "zip")
    return paths


def _write_safetensors(folder):
    path = folder / "model.safetensors"
    safetensors.numpy.save_file(_tensors("timm"), path)
    return [path]


# === Networks ===


def _network() -> keras.Model:
    """One layer of each kind that a classifier has."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((*_SIZE, 3))
    x = keras.layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    x = layers.ConvBlock(8, 3, 2, name="stem")(x)
    x = layers.InvertedResidual(8, name="stage0_ir")(x)
    x = layers.MobileViTBlock(16, depth=1, name="stage2_block")(x)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = keras.layers.Dense(5, "softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="network")


def _write_tflite(folder):
    network = _network()
    images = np.random.default_rng(0).integers(0, 256, (40, *_SIZE, 3))
    paths = []
    for recipe in ("float32", "int8"):
        path = folder / f"{recipe}.tflite"
        calibration = images.astype(np.uint8) if recipe == "int8" else None
        export_tflite(
            network, path, recipe, calibration=calibration, min_sqnr=None
        )
        paths.append(path)
    return paths


# === Images and what belongs to them ===


def _picture(mode: str = "RGB") -> Image.Image:
    rows, columns = np.mgrid[:48, :64]
    pixels = np.stack([rows * 5, columns * 3, rows + columns], -1)
    noise = np.random.default_rng(0).integers(0, 40, pixels.shape)
    image = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((rows * columns * 20).astype(np.uint16))
    return image.convert(mode)


def _encoded(suffix: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    _picture(mode).save(buffer, Image.registered_extensions()[suffix])
    return buffer.getvalue()


def _write_images(folder):
    paths = []
    for i, (suffix, mode) in enumerate(
        (
            (".jpg", "RGB"),
            (".jpg", "CMYK"),
            (".png", "RGBA"),
            (".png", "P"),
            (".png", "I;16"),
            (".bmp", "RGB"),
            (".webp", "RGB"),
        )
    ):
        paths.append(folder / f"{i}{suffix}")
        paths[-1].write_bytes(_encoded(suffix, mode))
    return paths


def _write_annotations(folder):
    rng = np.random.default_rng(0)
    content = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "height": 48, "width": 64}
            for i in range(8)
        ],
        "annotations": [
            {
                "id": i,
                "image_id": i % 8,
                "category_id": 1 + i % 3,
                "bbox": rng.uniform(0, 30, 4).round(2).tolist(),
                "iscrowd": int(i % 7 == 0),
            }
            for i in range(20)
        ],
        "categories": [{"id": i, "name": f"class {i}"} for i in (1, 2, 3)],
    }
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return [path]


def _write_recipes(folder):
    paths = []
    for name in ("cifar10", "detection"):
        paths.append(folder / f"{name}.toml")
        paths[-1].write_bytes((FOLDER / f"{name}.toml").read_bytes())
    return paths


def _write_tars(folder):
    paths = [folder / "images.tar", folder / "images.tar.gz"]
    for path in paths:
        mode = "w:gz" if path.suffix == ".gz" else "w"
        with tarfile.open(path, mode) as tar:
            for i in range(6):
                data = _encoded((".jpg", ".png")[i % 2])
                entry = tarfile.TarInfo(f"class{i % 3}/{i}.jpg")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return paths


def _write_shards(folder):
    return write_shards(folder / "shards")


def _write_voc(folder):
    paths = []
    for i in range(3):
        objects = "".join(
            f"<object><name>class {j}</name><bndbox><xmin>{j + 1}</xmin>"
            f"<ymin>{i + 1}</ymin><xmax>{30 + j}</xmax><ymax>{20 + i}</ymax>"
            "</bndbox></object>"
            for j in range(i)
        )
        paths.append(folder / f"{i}.xml")
        paths[-1].write_text(
            f'<?xml version="1.0"?><annotation><filename>{i}.jpg</filename>'
            "<size><width>64</width><height>48</height></size>"
            f"{objects}</annotation>"
        )
    return paths


def _write_csv(folder):
    path = folder / "boxes.csv"
    lines = [
        f"{i % 8}.jpg,64,48,class {i % 3},{i},1,{30 + i},40" for i in range(20)
    ]
    header = "filename,width,height,class,xmin,ymin,xmax,ymax"
    path.write_text("\n".join([header, *lines, ""]))
    return [path]


def _write_yolo(folder):
    path = folder / "0.txt"
    lines = [f"{i % 3} 0.5 0.25 0.1 {i / 50}" for i in range(20)]
    path.write_text("\n".join([*lines, "1 0.1 0.2 0.3 0.4 0.5 0.1", ""]))
    return [path]


SAMPLES: Mapping[str, Callable[[pathlib.Path], list[pathlib.Path]]] = {
    "h5": _write_kecam,
    "weights.h5": _write_keras_h5,
    "keras": _write_keras,
    "torch": _write_torch,
    "safetensors": _write_safetensors,
    "tflite": _write_tflite,
    "image": _write_images,
    "annotations": _write_annotations,
    "voc": _write_voc,
    "csv": _write_csv,
    "yolo": _write_yolo,
    "recipe": _write_recipes,
    "tar": _write_tars,
    "shards": _write_shards,
}
