"""Folders in which Hugging Face saves a model: weights, and what is known.

`config.json` names the classes, `preprocessor_config.json` says how a picture
becomes the input.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from keras_mobilevit.model_info import (
    MAX_BYTES,
    ImageSpec,
    ModelInfo,
    OutputSpec,
)

_CONFIG = "config.json"
_PREPROCESSOR = "preprocessor_config.json"
# In the order in which they are looked for.
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_UNREAD = ("tf_model.h5", "flax_model.msgpack", "*.index.json")
_SEGMENTATION = "SemanticSegmentation"


def weights_file(path: str | os.PathLike) -> pathlib.Path:
    """The file with the weights, if the path is a folder with a model.

    Raises:
        FileNotFoundError: If there are none in the folder that are read.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        return path
    for name in _WEIGHTS:
        if (path / name).is_file():
            return path / name
    others = sorted(file.name for kind in _UNREAD for file in path.glob(kind))
    found = f"only {', '.join(others)}" if others else "neither"
    raise FileNotFoundError(
        f"The folder {path} must hold the weights of a model as Hugging Face "
        f"saves it, {' or '.join(_WEIGHTS)} beside {_CONFIG}. Received: "
        f"{found}"
    )


def folder_info(path: str | os.PathLike) -> ModelInfo | None:
    """What a folder says of its model, `None` if it has no `config.json`.

    Raises:
        ValueError: If a file of the folder is damaged, or can not be true.
    """
    config = _read_json(path, _CONFIG)
    if config is None:
        return None
    labels = _labels(config)
    names = config.get("architectures") or ()
    segments = any(_SEGMENTATION in str(name) for name in names)
    return ModelInfo(
        task="segmentation" if segments else "classification",
        labels=labels,
        classes=len(labels) or None,
        image=_image(path, config, segments),
        output=OutputSpec(
            stride=config.get("output_stride") if segments else None
        ),
    )


def folder_channel_order(path: str | os.PathLike) -> str | None:
    """`"rgb"` or `"bgr"`, what the model of a folder takes, if it is known."""
    preprocessor = None
    if os.path.isdir(path):
        preprocessor = _read_json(path, _PREPROCESSOR)
    flips = (preprocessor or {}).get("do_flip_channel_order")
    return None if flips is None else "bgr" if flips else "rgb"


def _read_json(folder, name) -> dict[str, Any] | None:
    path = pathlib.Path(folder, name)
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it holds no JSON object")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Cannot read {path}: {error}.") from error
    return content


def _labels(config):
    """Class names in the order of the outputs, if there are real ones."""
    names = config.get("id2label")
    if not isinstance(names, dict):
        return ()
    labels = tuple(names.get(str(index)) for index in range(len(names)))
    # What the library puts there where nobody has named the classes.
    unnamed = tuple(f"LABEL_{index}" for index in range(len(names)))
    return () if labels == unnamed else labels


def _image(folder, config, segments):
    preprocessor = _read_json(folder, _PREPROCESSOR) or {}
    size = _sides(preprocessor.get("crop_size") or config.get("image_size"))
    if segments:
        return ImageSpec(size=size, crop_mode="squash")
    crop_pct = 1.0
    resized = preprocessor.get("size")
    if isinstance(resized, dict):
        resized = resized.get("shortest_edge")
    if size and resized and preprocessor.get("do_center_crop", True):
        crop_pct = min(size) / resized
    return ImageSpec(size=size, crop_pct=min(crop_pct, 1.0))


def _sides(value):
    if isinstance(value, dict):
        value = value.get("height"), value.get("width")
    elif isinstance(value, int):
        value = value, value
    return value if isinstance(value, tuple) else None
