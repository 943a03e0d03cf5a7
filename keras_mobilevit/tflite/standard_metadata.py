"""The part of a description that TFLite's own metadata can express.

MediaPipe Tasks and Android Studio read this one instead of ours: how pixels are
normalized, what the outputs are, and which file of the archive has the labels.
The schema is `metadata_schema.fbs` of MediaPipe, file identifier M001; slots
below are numbered as its fields are. The packages that write it bring OpenCV or
stop at Python 3.11, so a few tables are written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.flatbuffer import FLOAT32, add_metadata

LABELS_FILE = "labels.txt"
_ENTRY = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_SEGMENTER, _SEGMENTER_IDENTIFIER = "SEGMENTER_METADATA", b"V001"
_SOFTMAX = 2
# Codes of the schema's enumerations and unions.
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_RGB, _GRAYSCALE = 1, 2
_FEATURE, _IMAGE, _BOUNDING_BOX = 1, 2, 3
_NORMALIZATION = 1
_BOUNDARIES = 1
# Positions of left, top, right and bottom in a box of the output.
_BOX_ORDER = (1, 0, 3, 2)
# Outputs of a detector that suppresses boxes, in their order, by the names
# that MediaPipe looks for.
_DETECTION = ("location", "category", "score", "number of detections")


def add_standard_metadata(model: Any, info: ModelInfo) -> None:
    """Adds TFLite's metadata to a finished graph, in place.

    Args:
        model: As `read_model` gives it.
        info: What is known of it. Its labels are in `LABELS_FILE` of the
            archive behind the graph.
    """
    add_metadata(model, _ENTRY, _encode(model, info))


def _encode(model, info):
    flatbuffers = import_optional("flatbuffers", extra="tflite")
    tables = _Tables(flatbuffers.Builder(1024))
    (graph,) = model.subgraphs
    inputs = [_input(tables, graph.tensors[graph.inputs[0]], info)]
    outputs, groups = _outputs(tables, len(graph.outputs), info)
    custom = []
    if info.task == "segmentation" and info.output.kind == "logits":
        custom = [_segmenter_options(tables, flatbuffers)]
    subgraph = tables.add(
        {
            2: tables.vector(inputs),
            3: tables.vector(outputs),
            8: tables.vector(groups),
            9: tables.vector(custom),
        }
    )
    root = tables.add(
        {
            0: tables.text(info.name),
            3: tables.vector([subgraph]),
            5: tables.text(info.licence),
        }
    )
    return tables.finish(root, _IDENTIFIER)


def _input(tables, tensor, info):
    image = info.image
    color = _GRAYSCALE if image.channel_order == "gray" else _RGB
    units = []
    if tensor.type == FLOAT32:
        # The input is (pixel - mean) / std.
        options = tables.add(
            {
                0: tables.floats(-np.divide(image.offset, image.scale)),
                1: tables.floats(np.divide(1, image.scale)),
            }
        )
        units = [tables.add({1: options}, {0: _NORMALIZATION})]
    return _tensor(
        tables,
        "image",
        _content(tables, _IMAGE, tables.add({}, {0: color})),
        units=units,
    )


def _outputs(tables, count, info):
    """Descriptions of the outputs, and of those that belong together."""
    labels = bool(info.labels)
    if info.output.kind == "boxes" and count == len(_DETECTION):
        box = tables.add({0: tables.integers(_BOX_ORDER)}, {1: _BOUNDARIES})
        contents = [
            _content(tables, _BOUNDING_BOX, box, last_axis=2),
            _content(tables, _FEATURE, tables.add({}), last_axis=2),
            _content(tables, _FEATURE, tables.add({}), last_axis=2),
            _content(tables, _FEATURE, tables.add({})),
        ]
        outputs = [
            _tensor(
                tables,
                name,
                content,
                labels=_VALUE_LABELS if labels and name == "category" else None,
            )
            for name, content in zip(_DETECTION, contents, strict=True)
        ]
        names = tables.vector([tables.text(name) for name in _DETECTION[:3]])
        group = tables.add({0: tables.text("detection_result"), 1: names})
        return outputs, [group]
    name = {
        "classification": info.output.kind or "scores",
        "segmentation": "segmentation_masks",
    }.get(info.task, "output")
    if info.task == "segmentation":
        kind = tables.add({}, {0: _GRAYSCALE})
        content = _content(tables, _IMAGE, kind, last_axis=2)
    else:
        content = _content(tables, _FEATURE, tables.add({}))
    return [
        _tensor(
            tables,
            name if count == 1 else f"{name}_{index}",
            content,
            labels=_AXIS_LABELS if labels and count == 1 else None,
        )
        for index in range(count)
    ], []


def _content(tables, kind, properties, last_axis=None):
    ranges = None
    if last_axis is not None:
        ranges = tables.add({}, {}, {0: last_axis, 1: last_axis})
    return tables.add({1: properties, 2: ranges}, {0: kind})


def _tensor(tables, name, content, *, labels=None, units=()):
    files = []
    if labels is not None:
        files = [tables.add({0: tables.text(LABELS_FILE)}, {2: labels})]
    return tables.add(
        {
            0: tables.text(name),
            3: content,
            4: tables.vector(units),
            6: tables.vector(files),
        }
    )


def _segmenter_options(tables, flatbuffers):
    """What MediaPipe has to do with logits, in a schema of its own."""
    options = _Tables(flatbuffers.Builder(64))
    data = options.finish(options.add({}, {0: _SOFTMAX}), _SEGMENTER_IDENTIFIER)
    return tables.add({0: tables.text(_SEGMENTER), 1: tables.data(data)})


class _Tables:
    """Tables of a flatbuffer, by the numbers of their slots."""

    def __init__(self, builder):
        self._builder = builder

    def add(
        self,
        offsets: dict[int, int | None],
        codes: dict[int, int] | None = None,
        integers: dict[int, int] | None = None,
    ) -> int:
        """Adds a table of offsets, bytes and 32-bit integers; its offset."""
        builder = self._builder
        slots = {*offsets, *(codes or {}), *(integers or {})}
        builder.StartObject(max(slots, default=-1) + 1)
        for slot, offset in offsets.items():
            if offset is not None:
                builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, value in (integers or {}).items():
            builder.PrependInt32Slot(slot, value, 0)
        for slot, value in (codes or {}).items():
            builder.PrependInt8Slot(slot, value, 0)
        return builder.EndObject()

    def text(self, text: str) -> int | None:
        return self._builder.CreateString(text) if text else None

    def vector(self, offsets: Sequence[int]) -> int | None:
        if not offsets:
            return None
        builder = self._builder
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()

    def floats(self, values: np.ndarray | float) -> int:
        values = np.atleast_1d(values).astype(np.float32)
        return self._builder.CreateNumpyVector(values)

    def integers(self, values: Iterable[int]) -> int:
        return self._builder.CreateNumpyVector(np.array(values, np.uint32))

    def data(self, data: bytes) -> int:
        builder = self._builder
        # The schema aligns custom data to 16 bytes.
        builder.StartVector(1, len(data), 16)
        for byte in reversed(data):
            builder.PrependByte(byte)
        return builder.EndVector()

    def finish(self, root: int, identifier: bytes) -> bytes:
        self._builder.Finish(root, identifier)
        return bytes(self._builder.Output())
