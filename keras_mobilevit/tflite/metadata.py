"""What a `.tflite` file says of itself: labels, preprocessing, origin.

The facts travel as files of a zip archive behind the flatbuffer, the place
where TFLite keeps associated files. The graph's bytes stay untouched, and
`unzip -p model.tflite labels.txt` reads them anywhere.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

_LABELS = "labels.txt"
_FACTS = "keras_mobilevit.json"
# The earliest date that a zip can hold: the same input gives the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Facts that travel with a file.

    Attributes:
        model: Name of the Keras model.
        recipe: Name of the quantization recipe.
        labels: Class names in the order of the outputs; may be empty. Those
            of a detector begin with the background.
        crop_fraction: As in `keras_mobilevit.images.load_image`.
        native_size: As in `keras_mobilevit.images.load_image`.
        calibration_images: Number of images that were there to set ranges,
            round weights and correct biases, some of which took only a part of
            them; those that were reserved to verify the file come on top.
        calibration_seed: Seed that drew them; `None` where the caller chose.
        recipe_fields: The recipe as data; see
            `keras_mobilevit.tflite.Recipe`.
        version: Version of this package that wrote the file.
        task: `"classification"`, `"detection"` or `"segmentation"`.
        ending: Name of what the file ends in, in
            `keras_mobilevit.tflite.ENDINGS`; empty where it is the output of
            the model as it is.
        compat: Older TensorFlow Lite that the file was made to run on; empty
            for LiteRT.
        decoding: What the outputs mean, for those who read them without this
            package.
        fidelity: How near the file is to float32, as
            `keras_mobilevit.tflite.output_fidelity.fidelity_facts` describes;
            empty for files that were made without images, and for those of
            versions that did not measure it.
    """

    model: str
    recipe: str
    labels: tuple[str, ...] = ()
    crop_fraction: float = 1.0
    native_size: int = 0
    calibration_images: int = 0
    calibration_seed: int | None = None
    recipe_fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    version: str = ""
    task: str = "classification"
    ending: str = ""
    compat: str = ""
    decoding: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    fidelity: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def append_metadata(model: bytes, metadata: Metadata) -> bytes:
    """Returns the file with the metadata behind its graph."""
    facts = dataclasses.asdict(metadata)
    labels = facts.pop("labels")
    buffer = io.BytesIO(model)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, text in (
            (_FACTS, json.dumps(facts, indent=2)),
            (_LABELS, "".join(f"{label}\n" for label in labels)),
        ):
            archive.writestr(zipfile.ZipInfo(name, _DATE), text)
    return buffer.getvalue()


def read_metadata(path: str | os.PathLike) -> Metadata | None:
    """Reads what `append_metadata` wrote, in this version or another.

    Facts that only a newer version knows are ignored.

    Args:
        path: A `.tflite` file.

    Returns:
        The metadata, or `None` for a file that has none of ours.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the metadata is damaged.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no .tflite file at {path}.")
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if _FACTS not in archive.namelist():
                return None
            facts = json.loads(archive.read(_FACTS))
            labels = archive.read(_LABELS).decode().splitlines()
        known = {field.name for field in dataclasses.fields(Metadata)}
        facts = {name: facts[name] for name in known.intersection(facts)}
        return Metadata(labels=tuple(labels), **facts)
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The metadata of {path} can not be read ({error}). Export the "
            "file again with this version of keras_mobilevit."
        ) from error
