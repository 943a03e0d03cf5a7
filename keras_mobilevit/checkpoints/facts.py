"""What a weights file says of itself: classes, input and preprocessing."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile

import h5py

from keras_mobilevit.configs import TASKS, VARIANTS, WeightsConfig

_ATTRIBUTE = "keras_mobilevit"
_KERAS_CONFIG = "config.json"
# Layers of the backbone that open stages 4 and 5.
_OPENINGS = ("stage4_ir", "stage5_ir")


def write_facts(file: h5py.File, facts: WeightsConfig) -> None:
    """Writes facts into an open weights file."""
    file.attrs[_ATTRIBUTE] = json.dumps(dataclasses.asdict(facts))


def read_output_stride(path: str | os.PathLike) -> int | None:
    """Reads which stride a network for segmentation was trained or saved with.

    Its weights are the same for each, so of most files nobody knows.

    Args:
        path: Checkpoint of any kind.

    Returns:
        That of the facts, or that of the layers in a `.keras` file; `None` if
        the file does not tell.

    Raises:
        ValueError: If the file holds facts that can not be true.
    """
    facts = read_facts(path)
    if facts is not None:
        return facts.output_stride
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if _KERAS_CONFIG not in archive.namelist():
            return None
        try:
            layers = json.loads(archive.read(_KERAS_CONFIG))["config"]["layers"]
            strides = [
                layer["config"]["strides"]
                for layer in layers
                if layer["config"]["name"] in _OPENINGS
            ]
        except (KeyError, TypeError, ValueError):
            return None
    # Stages 4 and 5 halve the map, or do not.
    return {(1, 1): 8, (2, 1): 16}.get(tuple(strides))


def read_facts(path: str | os.PathLike) -> WeightsConfig | None:
    """Reads what `save_compact` was told about the weights.

    Args:
        path: Checkpoint of any kind.

    Returns:
        The facts, or `None` if the file holds none.

    Raises:
        ValueError: If the file holds facts that can not be true.
    """
    if not h5py.is_hdf5(path):
        return None
    with h5py.File(path, "r") as file:
        text = file.attrs.get(_ATTRIBUTE)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        facts = WeightsConfig(
            variants=tuple(map(str, fields["variants"])),
            classes=int(fields["classes"]),
            size=int(fields["size"]),
            crop_fraction=float(fields["crop_fraction"]),
            native_size=int(fields["native_size"]),
            labels=tuple(map(str, fields["labels"])),
            licence=str(fields["licence"]),
            # Files from before there were other tasks have neither.
            task=str(fields.get("task", "classification")),
            output_stride=int(fields.get("output_stride", 16)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} holds damaged facts about its weights ({error!r})."
        ) from error
    if not (
        VARIANTS.keys() >= set(facts.variants)
        and len(facts.labels) in (0, facts.classes)
        and 0 < facts.crop_fraction <= 1
        and facts.size > 0
        and facts.native_size >= 0
        and facts.task in TASKS
        and facts.output_stride in (8, 16)
    ):
        raise ValueError(
            f"{path} holds facts about its weights that do not fit together: "
            f"{facts}"
        )
    return facts
