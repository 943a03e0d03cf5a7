"""Output stride of a network for segmentation, which its weights do not tell.

They are the same for each stride.
"""

from __future__ import annotations

import json
import os

from keras_mobilevit.architectures import architectures
from keras_mobilevit.checkpoints.info import read_info
from keras_mobilevit.info_archive import read_members

_KERAS_CONFIG = "config.json"
# Strides of the layers that open the last two stages -> output stride.
_STRIDES = {(1, 1): 8, (2, 1): 16}


def read_output_stride(path: str | os.PathLike) -> int | None:
    """Reads the stride that a network was trained or saved with.

    Args:
        path: Checkpoint of any kind.

    Returns:
        That of its description, or that of the layers in a `.keras` file;
        `None` if the file does not tell.

    Raises:
        ValueError: If the file is damaged, or holds a damaged description.

    Example:
        >>> from keras_mobilevit import checkpoints, segmentation
        >>> model = segmentation.MobileViTDeepLabV3XXS(
        ...     weights=None, input_shape=(64, 64, 3), output_stride=8
        ... )
        >>> model.save("street.keras")
        >>> checkpoints.read_output_stride("street.keras")
        8
    """
    info = read_info(path)
    if info is not None and info.output.stride is not None:
        return info.output.stride
    if os.path.isdir(path):
        return None
    members = read_members(path, (_KERAS_CONFIG,))
    if _KERAS_CONFIG not in members:
        return None
    try:
        layers = json.loads(members[_KERAS_CONFIG])["config"]["layers"]
        strides = {
            layer["config"]["name"]: layer["config"].get("strides")
            for layer in layers
        }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    for architecture in architectures():
        # The last two stages halve the map, or do not.
        found = [strides.get(name) for name in architecture.openings]
        for expected, stride in _STRIDES.items():
            if found == list(expected):
                return stride
    return None
