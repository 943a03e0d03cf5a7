"""What an export ends with: the main facts about the file that it wrote."""

from __future__ import annotations

import dataclasses
import os
import pathlib

from keras_mobilevit.images import pre_resized_shape
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.pixel_scaling import scaling_of
from keras_mobilevit.text_formatting import abbreviate, counted
from keras_mobilevit.tflite.inspection.inspect import Inspection, inspect
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.output_fidelity import describe_fidelity


@dataclasses.dataclass(frozen=True)
class ExportSummary:
    """One exported file; `str` gives a few lines for people.

    Attributes:
        path: The file.
        info: What its metadata says: labels, preprocessing, output, fidelity.
        inspection: What its graph says: types, bytes, nodes in XNNPACK.

    Example:
        >>> from keras_mobilevit import tflite
        >>> summary = tflite.summarize("model.tflite")
        >>> print(str(summary).splitlines()[1].strip())
        input: 32x48 pixels, rgb in [0, 255], float32; the model scales them
    """

    path: pathlib.Path
    info: ModelInfo
    inspection: Inspection

    def __str__(self):
        info, found = self.info, self.inspection
        image = dataclasses.replace(info.image, size=_input_size(found, info))
        facts = {
            "input": f"{_pixels(image)}, {_dtypes(found.inputs)}; "
            f"{_scaling(image)}",
            "picture": _fitting(image),
            "output": f"{info.output.kind or 'values'}, "
            f"{_dtypes(found.outputs)}",
            "labels": _labels(info),
            "XNNPACK": f"{found.delegated} of {found.nodes} nodes, in "
            f"{counted(found.partitions, 'partition')}",
            "fidelity": _fidelity(info),
        }
        if balanced := info.fidelity.get("balanced"):
            facts["balanced channels"] = ", ".join(map(str, balanced))
        recipe = f" by {info.recipe}" if info.recipe else ""
        first = f"{self.path}: {info.name}{recipe}, {found.size:,} bytes"
        return "\n".join(
            [first, *(f"  {name}: {text}" for name, text in facts.items())]
        )


# The class of the paths of this system: `Path` alone can not be derived from
# before Python 3.12.
class ExportedFile(type(pathlib.Path())):
    """Path of a file that was exported."""

    @property
    def summary(self) -> ExportSummary:
        """As `summarize`, of the file as it is now."""
        return summarize(self)


def summarize(path: str | os.PathLike) -> ExportSummary:
    """Summarizes a `.tflite` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If LiteRT can not run it, or its metadata is damaged.
        ImportError: If LiteRT is missing.

    Example:
        >>> from keras_mobilevit import tflite
        >>> summary = tflite.summarize("int8.tflite")
        >>> summary.info.recipe, summary.inspection.partitions
        ('int8', 1)
    """
    path = pathlib.Path(path)
    inspection = inspect(path)
    info = read_metadata(path) or ModelInfo(name=path.stem)
    return ExportSummary(path, info, inspection)


def _input_size(found, info):
    """That of the graph: version 0.1 did not write it down."""
    shapes = [tensor.shape for tensor in found.inputs]
    if [len(shape) for shape in shapes] == [4] and min(shapes[0]) > 0:
        return shapes[0][1:3]
    return info.image.size


def _pixels(image: ImageSpec) -> str:
    size = "any size" if image.size is None else _size(image.size)
    return f"{size} pixels, {image.channel_order or 'no colours'} in [0, 255]"


def _size(size):
    return "x".join(map(str, size))


def _dtypes(tensors):
    return ", ".join(dict.fromkeys(tensor.dtype for tensor in tensors))


def _scaling(image):
    scaling = scaling_of(image)
    if scaling.is_identity:
        return "the model scales them"
    return f"to be scaled to {scaling}"


def _fitting(image):
    if image.size is None:
        return "of any size"
    size = _size(image.size)
    if image.crop_mode == "squash":
        return f"resized whole to {size}"
    crop = pre_resized_shape(image.size, image.pre_resize)
    cover = _size(round(side / image.crop_pct) for side in crop)
    text = f"resized to cover {cover}, cropped at its centre to {_size(crop)}"
    return f"{text}, resized to {size}" if image.pre_resize else text


def _labels(info):
    if info.labels:
        return f"{len(info.labels)} ({abbreviate(info.labels)})"
    if info.classes:
        return f"none, for {info.classes} classes"
    return "none"


def _fidelity(info):
    if info.fidelity:
        return describe_fidelity(info.recipe, info.fidelity)
    if info.recipe == "float32":
        return "it is what others are compared with"
    return "not measured"
