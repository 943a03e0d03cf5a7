"""What a `.tflite` file says of itself: labels, preprocessing, origin.

The description travels as a file of a zip archive behind the flatbuffer, the
place where TFLite keeps associated files. The graph's bytes stay untouched,
and `unzip -p model.tflite labels.txt` reads the labels anywhere.
"""

from __future__ import annotations

import io
import json
import os
import pathlib
import zipfile

from keras_mobilevit.info_archive import MEMBER, add_member, read_members
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.standard_metadata import LABELS_FILE
from keras_mobilevit.tflite.trial_run import trust_file

# What version 0.1 wrote, with the labels beside it.
_VERSION_1 = "keras_mobilevit.json"


def append_metadata(model: bytes, info: ModelInfo) -> bytes:
    """Returns the file with its description behind its graph.

    Line i of its `labels.txt` names class i of the output.
    """
    buffer = io.BytesIO(model)
    lines = (label.replace("\n", " ") for label in info.output_labels)
    with zipfile.ZipFile(buffer, "a") as archive:
        add_member(archive, MEMBER, info.to_json())
        add_member(archive, LABELS_FILE, "".join(f"{line}\n" for line in lines))
    data = buffer.getvalue()
    trust_file(data)
    return data


def read_metadata(path: str | os.PathLike) -> ModelInfo | None:
    """Reads what `append_metadata` wrote, in this version or another.

    Args:
        path: A `.tflite` file.

    Returns:
        The description, or `None` for a file that has none of ours.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the metadata is damaged, or of a newer schema.

    Example:
        >>> from keras_mobilevit import tflite
        >>> info = tflite.read_metadata("model.tflite")
        >>> info.task, info.recipe, info.labels
        ('classification', 'float32', ('ant', 'bee', 'cow', 'dog', 'eel'))
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no .tflite file at {path}.")
    try:
        members = read_members(path, (MEMBER, _VERSION_1, LABELS_FILE))
        if MEMBER in members:
            return ModelInfo.from_json(members[MEMBER])
        if _VERSION_1 in members:
            return _read_version_1(members)
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"The metadata of {path} can not be read: {error} Export the file "
            "again with this version of keras_mobilevit."
        ) from error
    return None


def _read_version_1(members):
    fields = json.loads(members[_VERSION_1])
    labels = members[LABELS_FILE].decode().splitlines()
    return ModelInfo.from_json(json.dumps({**fields, "labels": labels}))
