"""Files that Kotlin and JavaScript read."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes JSON; numbers that are none become texts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, allow_nan=False))


def write_array(path: pathlib.Path, values: np.ndarray) -> str:
    """Writes the values of an array, little-endian; returns the file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    path.write_bytes(little.tobytes())
    return path.name


def image_fields(image) -> dict[str, Any]:
    """The JSON form of an `ImageSpec`."""
    return image._to_fields()
