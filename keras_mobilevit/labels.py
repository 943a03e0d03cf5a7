"""Names of the classes that named weights tell apart."""

from __future__ import annotations

import functools
import pathlib

from keras_mobilevit.architectures import named_weights

# A line a class, in the order of the outputs: the WordNet id and its first
# lemma, as timm lists them (Apache-2.0). `keras.applications` has the same.
_IMAGENET = pathlib.Path(__file__).with_name("imagenet_classes.txt")


def class_names(weights: str) -> tuple[str, ...]:
    """Class names in the order of a classifier's outputs.

    Args:
        weights: `"cifar10"` or `"imagenet"`.

    Raises:
        ValueError: If there are no such weights.
    """
    return tuple(name for _, name in identified_classes(weights))


@functools.cache
def identified_classes(weights: str) -> tuple[tuple[str, str], ...]:
    """Id and name of each class, in the order of a classifier's outputs.

    Args:
        weights: As in `class_names`.

    Returns:
        Pairs of text. Ids are those of WordNet for ImageNet, such as
        `"n01440764"`; other weights number their classes from `"0"`.

    Raises:
        ValueError: If there are no such weights.
    """
    known = named_weights("classification")
    if weights not in known:
        raise ValueError(
            f"`weights` must be one of {list(known)}. Received: "
            f"weights={weights}"
        )
    if labels := known[weights].info.labels:
        return tuple((str(index), name) for index, name in enumerate(labels))
    lines = _IMAGENET.read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split(" ", 1)) for line in lines)
