"""TFLite's own metadata, decoded by the numbers of the published schema."""

import flatbuffers
import pytest
from flatbuffers import number_types
from flatbuffers.table import Table
from small_model import LABELS
from tiny_dense import OBJECTS, make_tiny_detector, make_tiny_segmenter

from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.tflite import export_tflite
from keras_mobilevit.tflite.flatbuffer import read_model
from keras_mobilevit.tflite.standard_metadata import add_standard_metadata


class Node:
    """A table of a flatbuffer, read by slots."""

    def __init__(self, table):
        self._table = table

    def _field(self, slot):
        offset = self._table.Offset(4 + 2 * slot)
        return offset and self._table.Pos + offset

    def table(self, slot):
        position = self._field(slot)
        data = self._table.Bytes
        return Node(Table(data, self._table.Indirect(position)))

    def tables(self, slot):
        offset = self._table.Offset(4 + 2 * slot)
        if not offset:
            return []
        start = self._table.Vector(offset)
        return [
            Node(Table(self._table.Bytes, self._table.Indirect(start + 4 * i)))
            for i in range(self._table.VectorLen(offset))
        ]

    def text(self, slot):
        position = self._field(slot)
        return self._table.String(position).decode() if position else ""

    def texts(self, slot):
        offset = self._table.Offset(4 + 2 * slot)
        start = self._table.Vector(offset)
        return [
            self._table.String(start + 4 * i).decode()
            for i in range(self._table.VectorLen(offset))
        ]

    def code(self, slot):
        position = self._field(slot)
        return (
            self._table.Get(number_types.Int8Flags, position) if position else 0
        )

    def integer(self, slot):
        position = self._field(slot)
        flags = number_types.Int32Flags
        return self._table.Get(flags, position) if position else 0

    def numbers(self, slot, flags):
        offset = self._table.Offset(4 + 2 * slot)
        return self._table.GetVectorAsNumpy(flags, offset).tolist()


def decode(data, identifier):
    data = bytearray(data)
    assert data[4:8] == identifier
    position = flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0)
    return Node(Table(data, position))


def metadata_of(model):
    (entry,) = [e for e in model.metadata if e.name == b"TFLITE_METADATA"]
    return decode(model.buffers[entry.buffer].data.tobytes(), b"M001")


def subgraph_of(path):
    (subgraph,) = metadata_of(read_model(path.read_bytes())).tables(3)
    return subgraph


def label_files(tensor):
    return [(file.text(0), file.code(2)) for file in tensor.tables(6)]


def test_classifier(files):
    subgraph = subgraph_of(files["int8"])
    (image,), (output,) = subgraph.tables(2), subgraph.tables(3)
    assert image.text(0) == "image"
    # Content: an image (2), of RGB (1).
    assert (image.table(3).code(0), image.table(3).table(1).code(0)) == (2, 1)
    (unit,) = image.tables(4)
    assert unit.code(0) == 1
    mean, std = (
        unit.table(1).numbers(slot, number_types.Float32Flags)
        for slot in (0, 1)
    )
    assert (mean, std) == ([0.0], [1.0])
    assert output.text(0) == "probabilities"
    # The labels name the entries of the last axis (2).
    assert label_files(output) == [("labels.txt", 2)]


def test_name_and_licence(files):
    model = read_model(files["float32"].read_bytes())
    info = ModelInfo(name="beetles", licence="CC0-1.0", labels=LABELS)
    add_standard_metadata(model, info)
    metadata = metadata_of(model)
    assert (metadata.text(0), metadata.text(5)) == ("beetles", "CC0-1.0")


def test_normalization_is_that_of_the_description(files):
    model = read_model(files["float32"].read_bytes())
    # The input is pixel / 127.5 - 1, or (pixel - 127.5) / 127.5.
    image = ImageSpec(scale=1 / 127.5, offset=-1.0)
    add_standard_metadata(model, ModelInfo(image=image))
    (subgraph,) = metadata_of(model).tables(3)
    (unit,) = subgraph.tables(2)[0].tables(4)
    for slot in (0, 1):
        values = unit.table(1).numbers(slot, number_types.Float32Flags)
        assert values == pytest.approx([127.5])


def test_detector(tmp_path):
    path = export_tflite(
        make_tiny_detector(),
        tmp_path / "boxes.tflite",
        "float32",
        labels=OBJECTS,
        output_head="nms",
    )
    subgraph = subgraph_of(path)
    location, category, score, count = subgraph.tables(3)
    names = [t.text(0) for t in (location, category, score, count)]
    assert names == ["location", "category", "score", "number of detections"]
    # A box (3) of boundaries (1): left, top, right and bottom.
    content = location.table(3)
    assert (content.code(0), content.table(1).code(1)) == (3, 1)
    order = content.table(1).numbers(0, number_types.Uint32Flags)
    assert order == [1, 0, 3, 2]
    # The labels name values (3), not positions.
    assert label_files(category) == [("labels.txt", 3)]
    assert label_files(score) == []
    (group,) = subgraph.tables(8)
    assert group.texts(1) == names[:3]


@pytest.mark.parametrize("head, activation", [("logits", [2]), ("mask", [])])
def test_segmenter(tmp_path, head, activation):
    path = export_tflite(
        make_tiny_segmenter(),
        tmp_path / "masks.tflite",
        "float32",
        output_head=head,
    )
    subgraph = subgraph_of(path)
    (output,) = subgraph.tables(3)
    assert output.text(0) == "segmentation_masks"
    options = [
        decode(bytes(custom.numbers(1, number_types.Uint8Flags)), b"V001").code(
            0
        )
        for custom in subgraph.tables(9)
        if custom.text(0) == "SEGMENTER_METADATA"
    ]
    assert options == activation
