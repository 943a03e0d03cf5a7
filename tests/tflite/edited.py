"""Passes that edit a parsed graph, on files in memory."""

from keras_mobilevit.tflite.flatbuffer import constant, read_model, write_model


def edited(edit, data, *arguments, **options):
    """The file that a pass makes of another."""
    model = read_model(data)
    edit(model, *arguments, **options)
    return write_model(model)


def repacked(data):
    """The file that a pass makes of another if it changes nothing."""
    return write_model(read_model(data))


def without_description(path):
    """An exported file as it was before it was described, packed anew."""
    model = read_model(path.read_bytes())
    entry = model.metadata.pop()
    assert entry.name == b"TFLITE_METADATA"
    assert entry.buffer == len(model.buffers) - 1
    model.buffers.pop()
    return write_model(model)


def named_tensors(data):
    """Name -> (tensor, its values) of a file's only graph."""
    model = read_model(data)
    (graph,) = model.subgraphs
    return {
        tensor.name.decode(): (tensor, constant(model, graph, index))
        for index, tensor in enumerate(graph.tensors)
    }
