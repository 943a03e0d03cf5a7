"""What models should answer: from the folders of pictures, or a table."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mobilevit.image_folders import label_of
from keras_mobilevit.tflite.evaluation.targets import (
    read_targets,
    targets_of,
)


def right_answers(
    names: Sequence[str],
    labels: Sequence[str],
    source: str | os.PathLike,
    targets: str | os.PathLike | None,
    problem_type: str,
) -> tuple[Sequence[str], dict[str, Any]]:
    """Finds what the models should answer.

    Args:
        names: Pictures, by their names in `source`.
        labels: Names of the classes or outputs; none if they are unknown.
        source: Folder or tar of the pictures, for messages.
        targets: CSV file for `read_targets`; without it, the folders of the
            pictures name their classes.
        problem_type: `"single_label"`, `"multi_label"` or `"regression"`.

    Returns:
        `(labels, answers)`: the labels, those of `targets` where none were
        given; and name of a picture -> index of its class, or a vector with a
        number for each output. Empty if nothing is known.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a folder is named after no label, or the targets do not
            fit.
    """
    if problem_type == "single_label":
        if targets is not None:
            raise ValueError(
                "`targets` are those of models for several labels or values. "
                "Folders name the classes of a classifier. Received: targets="
                f"{os.fspath(targets)!r}"
            )
        return labels, _classes(names, labels, source)
    if targets is not None:
        labels, found = read_targets(targets, labels)
        return labels, targets_of(names, found, targets)
    if problem_type == "regression":
        return labels, {}
    rows = np.eye(len(labels))
    classes = _classes(names, labels, source)
    return labels, {name: rows[index] for name, index in classes.items()}


def _classes(names, labels, source):
    """Picture name to class index; none if there are no labels."""
    folders = {name: label_of(name) for name in names}
    if not labels or not any(folders.values()):
        return {}
    # ImageNet has two kinds of "crane": their pictures can not be told apart.
    count = collections.Counter(labels)
    index = {label: i for i, label in enumerate(labels) if count[label] == 1}
    unknown = set(folders.values()) - set(index)
    if unknown:
        raise ValueError(
            f"Folders of {source} must be named after the classes, each after "
            f"one: {list(labels)[:5]}... Received: {sorted(unknown)[:5]}. "
            "Without labels, the models are compared with each other only."
        )
    return {name: index[folder] for name, folder in folders.items()}
