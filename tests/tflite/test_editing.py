"""Constants that are replaced, and what is left over afterwards."""

import numpy as np
from edited import edited
from expansion_graph import index_of, kinds, stored, tensor_values
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.editing import remove_unused, replace_constant
from keras_mobilevit.tflite.flatbuffer import (
    read_model,
    tensor_name,
    write_model,
)

PIXELS = (1, 2, 2, 3)
INPUT = np.random.default_rng(0).normal(size=(1, *PIXELS))


def sums(shared=False):
    """Two constants that are added, and one that nothing reads."""
    data = micro_model(
        {
            "x": Tensor(PIXELS),
            "unused": Tensor((7,), values=7),
            "one": Tensor((3,), values=1),
            "two": Tensor((3,), values=1 if shared else 2),
            "a": Tensor(PIXELS),
            "y": Tensor(PIXELS),
        },
        [
            ("ADD", ["x", "one"], ["a"], ("AddOptions", {})),
            ("ADD", ["a", "two"], ["y"], ("AddOptions", {})),
        ],
        signature="serve",
        metadata={"note": b"kept"},
    )
    if not shared:
        return data
    # As the converter does where constants are equal.
    model = read_model(data)
    (graph,) = model.subgraphs
    one, two = (graph.tensors[index_of(data, n)] for n in ("one", "two"))
    two.buffer = one.buffer
    return write_model(model)


def replaced(data, name, values):
    model = read_model(data)
    replace_constant(model, index_of(data, name), np.float32(values))
    return write_model(model)


def test_a_constant_that_shares_its_buffer_is_replaced_alone():
    data = sums(shared=True)
    found = replaced(data, "one", (10, 20, 30))
    assert stored(found, "one").tolist() == [10, 20, 30]
    assert stored(found, "two").tolist() == [1, 1, 1]
    np.testing.assert_allclose(
        tensor_values(found, "y", INPUT), INPUT[0] + (11, 21, 31), rtol=1e-6
    )


def test_a_constant_can_have_another_shape():
    values = np.arange(12).reshape(PIXELS)
    found = replaced(sums(), "two", values)
    assert stored(found, "two").shape == PIXELS
    np.testing.assert_allclose(
        tensor_values(found, "y", INPUT), INPUT[0] + 1 + values, rtol=1e-6
    )


def test_what_nothing_reads_is_removed():
    data = replaced(sums(), "one", (4, 4, 4))
    found = edited(remove_unused, data)
    model = read_model(found)
    (graph,) = model.subgraphs
    names = [tensor_name(graph, i) for i in range(len(graph.tensors))]
    assert sorted(names) == ["a", "one", "two", "x", "y"]
    # The empty one, two constants, the metadata; not the old values.
    assert len([b for b in model.buffers if b.data is not None]) == 3
    assert kinds(found) == ["ADD", "ADD"]
    np.testing.assert_allclose(
        tensor_values(found, "y", INPUT), INPUT[0] + 6, rtol=1e-6
    )


def test_signatures_and_metadata_point_to_where_things_went():
    found = read_model(edited(remove_unused, sums()))
    (graph,), (signature,) = found.subgraphs, found.signatureDefs
    for entries, indices, name in (
        (signature.inputs, graph.inputs, "x"),
        (signature.outputs, graph.outputs, "y"),
    ):
        (entry,), (index,) = entries, indices
        assert entry.tensorIndex == index
        assert tensor_name(graph, index) == name
    (entry,) = found.metadata
    assert entry.name == b"note"
    assert bytes(found.buffers[entry.buffer].data) == b"kept"


def test_an_input_that_is_not_there_stays_away():
    """The index -1 stands for a layer without bias."""
    data = micro_model(
        {
            "unused": Tensor((7,), values=7),
            "x": Tensor((1, 3)),
            "w": Tensor((2, 3), values=2),
            "y": Tensor((1, 2)),
        },
        [("FULLY_CONNECTED", ["x", "w"], ["y"], ("FullyConnectedOptions", {}))],
    )
    model = read_model(data)
    (graph,) = model.subgraphs
    (op,) = graph.operators
    op.inputs = [*op.inputs, -1]
    remove_unused(model)
    found = write_model(model)
    (graph,) = read_model(found).subgraphs
    assert graph.operators[0].inputs.tolist()[2] == -1
    assert len(graph.tensors) == 3
    values = tensor_values(found, "y", np.ones((1, 1, 3)))
    assert values.tolist() == [[6, 6]]
