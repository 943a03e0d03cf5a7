"""What a model to be trained begins from: its precision and its weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import keras

from keras_mobilevit import checkpoints
from keras_mobilevit.architectures import named_weights
from keras_mobilevit.labels import class_names


@contextlib.contextmanager
def precision(mixed: bool) -> Iterator[None]:
    """Inside, layers are made for `mixed_float16`, or as Keras is set up."""
    policy = keras.config.dtype_policy()
    if mixed:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def fits_whole(weights: str, task: str, labels: Sequence[str]) -> bool:
    """Whether weights are of a network for the same task and classes.

    Args:
        weights: Name of weights, or path of a checkpoint; empty for none.
        task: One of `keras_mobilevit.configs.TASKS`.
        labels: Class names in the order of the outputs.

    Raises:
        FileNotFoundError: If `weights` is the path of no file.
        ValueError: If the file is no MobileViT checkpoint.
    """
    if not weights:
        return False
    labels = tuple(labels)
    if weights in (named := named_weights()):
        known = named[weights].info
        if known.task != task:
            return False
        # The names of ImageNet are words, its folders have other names.
        if weights == "imagenet":
            return len(labels) == known.classes
        return labels == (known.output_labels or class_names(weights))
    info = checkpoints.identify(weights)
    known = checkpoints.read_info(weights)
    if (known or info).task != task:
        return False
    if known is not None and known.labels:
        return known.output_labels == labels
    return info.classes == len(labels)
