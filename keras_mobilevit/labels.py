"""Names of the classes that named weights tell apart."""

from __future__ import annotations

import json
import pathlib

import keras

from keras_mobilevit.configs import WEIGHTS

# As in `keras.applications.imagenet_utils`.
_IMAGENET_URL = (
    "https://storage.googleapis.com/download.tensorflow.org/data/"
    "imagenet_class_index.json"
)
_IMAGENET_MD5 = "c2c37ea517e94d9795004a39431a14cb"


def class_names(weights: str) -> tuple[str, ...]:
    """Class names in the order of a classifier's outputs.

    Args:
        weights: `"cifar10"`, or `"imagenet"`, whose names are downloaded
            once, as by `keras.applications`.

    Raises:
        ValueError: If there are no such weights.
        OSError: If the names can not be downloaded.
    """
    if weights not in WEIGHTS:
        raise ValueError(
            f"`weights` must be one of {list(WEIGHTS)}. Received: "
            f"weights={weights}"
        )
    if labels := WEIGHTS[weights].info.labels:
        return labels
    try:
        path = keras.utils.get_file(
            "imagenet_class_index.json",
            _IMAGENET_URL,
            cache_subdir="models",
            file_hash=_IMAGENET_MD5,
        )
    except Exception as error:  # Keras raises a bare Exception.
        raise OSError(
            "The names of the ImageNet classes could not be downloaded "
            f"({error}). Put {_IMAGENET_URL} into ~/.keras/models/."
        ) from error
    index = json.loads(pathlib.Path(path).read_text())
    return tuple(index[str(i)][1].replace("_", " ") for i in range(len(index)))
