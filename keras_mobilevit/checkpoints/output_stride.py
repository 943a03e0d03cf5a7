"""Output stride of a network for segmentation, which its weights do not tell.

They are the same for each stride.
"""

from __future__ import annotations

import json
import os

from keras_mobilevit.checkpoints.info import read_info
from keras_mobilevit.info_archive import read_members

_KERAS_CONFIG = "config.json"
# Layers of the backbone that open stages 4 and 5.
_OPENINGS = ("stage4_ir", "stage5_ir")


def read_output_stride(path: str | os.PathLike) -> int | None:
    """Reads the stride that a network was trained or saved with.

    Args:
        path: Checkpoint of any kind.

    Returns:
        That of its description, or that of the layers in a `.keras` file;
        `None` if the file does not tell.

    Raises:
        ValueError: If the file is damaged, or holds a damaged description.
    """
    info = read_info(path)
    if info is not None and info.output.stride is not None:
        return info.output.stride
    members = read_members(path, (_KERAS_CONFIG,))
    if _KERAS_CONFIG not in members:
        return None
    try:
        layers = json.loads(members[_KERAS_CONFIG])["config"]["layers"]
        strides = [
            layer["config"]["strides"]
            for layer in layers
            if layer["config"]["name"] in _OPENINGS
        ]
        # Stages 4 and 5 halve the map, or do not.
        return {(1, 1): 8, (2, 1): 16}.get(tuple(strides))
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
