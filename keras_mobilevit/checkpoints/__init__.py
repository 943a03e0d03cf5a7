"""Checkpoints: where weights come from, and how they get into a model."""

from keras_mobilevit.checkpoints.compact import save_compact
from keras_mobilevit.checkpoints.download import fetch, fetch_imagenet
from keras_mobilevit.checkpoints.info import add_info, read_info
from keras_mobilevit.checkpoints.layouts import from_keras, to_keras
from keras_mobilevit.checkpoints.loading import (
    CheckpointInfo,
    identify,
    load_weights,
    read_weights,
    save_safetensors,
)
from keras_mobilevit.checkpoints.output_stride import read_output_stride
from keras_mobilevit.checkpoints.readers import (
    file_kind,
    read_tensors,
    verify_keras_file,
)
from keras_mobilevit.deprecation import moved_name

__all__ = [
    "CheckpointInfo",
    "add_info",
    "fetch",
    "fetch_imagenet",
    "file_kind",
    "from_keras",
    "identify",
    "load_weights",
    "read_info",
    "read_output_stride",
    "read_tensors",
    "read_weights",
    "save_compact",
    "save_safetensors",
    "to_keras",
    "verify_keras_file",
]

_MOVED = {"read_facts": "keras_mobilevit.checkpoints.read_info"}


def __getattr__(name):
    return moved_name(__name__, name, _MOVED)
