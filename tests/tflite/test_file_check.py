"""Damage that LiteRT's verifier accepts is refused before LiteRT meets it."""

import pathlib

import numpy as np
import pytest

from keras_mobilevit.tflite import ImageModel
from keras_mobilevit.tflite.flatbuffer import INT8, read_model, write_model

FILE = pathlib.Path(__file__).parent / "files" / "v1_classifier_int8.tflite"


def activation(graph):
    """An int8 tensor in the middle of the graph."""
    operator = graph.operators[len(graph.operators) // 2]
    tensor = graph.tensors[operator.outputs[0]]
    assert tensor.type == INT8
    return tensor


def no_shape(graph):
    activation(graph).shape = None


def zero_point_of_another_type(graph):
    activation(graph).quantization.zeroPoint = np.array([257])


def infinite_scale(graph):
    activation(graph).quantization.scale = np.array([np.inf], np.float32)


def no_such_tensor(graph):
    graph.operators[0].inputs = np.array([len(graph.tensors)], np.int32)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (no_shape, "has no shape"),
        (zero_point_of_another_type, r"zero point outside of \[-128, 127\]"),
        (infinite_scale, "scale that is no positive number"),
        (no_such_tensor, "the inputs of operation 0 of graph 0"),
    ],
)
def test_damage_is_told(damage, told, tmp_path):
    model = read_model(FILE.read_bytes())
    damage(model.subgraphs[0])
    path = tmp_path / "damaged.tflite"
    path.write_bytes(write_model(model))
    with pytest.raises(ValueError, match=told):
        ImageModel(path)
