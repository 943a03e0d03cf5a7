"""Uneven layers are balanced, even ones are left as they are."""

import math
import types

import numpy as np
import pytest
from edited import repacked
from expansion_graph import kinds
from small_model import make_images
from tiny_model import TINY_SIZE
from uneven_tiny import UNEVEN_LAYER, make_uneven_tiny_model

from keras_mobilevit.tflite import convert
from keras_mobilevit.tflite.flatbuffer import (
    ParsedFile,
    op_name,
    tensor_name,
    write_model,
)
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.quantization.calibration import calibrate
from keras_mobilevit.tflite.quantization.channel_choice import (
    MOST_TIME,
    Move,
    Way,
    choose,
)
from keras_mobilevit.tflite.quantization.channel_costs import element_count
from keras_mobilevit.tflite.quantization.channel_plan import balance_channels
from keras_mobilevit.tflite.quantization.prepare import prepare
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8
from keras_mobilevit.tflite.scoring import predict_all

IMAGES = np.stack(make_images(30, TINY_SIZE, seed=1))
# Of other pictures than those that calibrate.
UNSEEN = make_images(24, TINY_SIZE, seed=7)


@pytest.fixture(scope="module")
def uneven_float():
    return convert(make_uneven_tiny_model())


@pytest.fixture(scope="module")
def uneven_parsed(uneven_float):
    return ParsedFile.parse(uneven_float)


@pytest.fixture(scope="module")
def balanced(uneven_parsed):
    return balance_channels(uneven_parsed, IMAGES)


def test_an_even_network_is_the_very_same_file(tiny_parsed):
    found = balance_channels(tiny_parsed, IMAGES)
    assert found.file is tiny_parsed
    assert (found.moves, dict(found.limits)) == ((), {})


def test_the_uneven_layer_is_found(balanced, uneven_parsed):
    assert balanced.file is not uneven_parsed
    families = {move.family for move in balanced.moves}
    assert f"{UNEVEN_LAYER}/expand/mul" in families
    for move in balanced.moves:
        assert 1 <= move.way.groups <= 3
        assert move.gain > 0 and move.cost > 0
    assert sum(move.cost for move in balanced.moves) <= MOST_TIME


@pytest.mark.parametrize("images", [1, 4])
def test_few_images_tell_of_the_uneven_layer_too(uneven_parsed, images):
    """Of so few, an offset can not be told from noise."""
    found = balance_channels(uneven_parsed, IMAGES[:images])
    families = {move.family for move in found.moves}
    assert f"{UNEVEN_LAYER}/expand/mul" in families


def test_the_outputs_stay_what_they_are(balanced, uneven_float):
    expected = predict_all(uneven_float, UNSEEN)
    assert sqnr(expected, predict_all(balanced.file.data, UNSEEN)) > 100


def test_only_what_moves_say_is_added(balanced, uneven_float):
    before, after = kinds(uneven_float), kinds(balanced.file.data)
    groups = [move.way.groups for move in balanced.moves]
    added = sum(count - 1 for count in groups)
    for kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        assert after.count(kind) - before.count(kind) == added
    # A SiLU of its own, or the input of a sigmoid.
    gates = groups.count(1)
    assert after.count("MUL") - before.count("MUL") == added + gates


def test_int8_is_rid_of_most_of_its_noise(balanced, uneven_float):
    """Measured by the whole int8 file, not by what the plan is chosen by."""
    expected = predict_all(uneven_float, UNSEEN)
    found = []
    for data, limits in (
        (uneven_float, {}),
        (balanced.file.data, balanced.limits),
    ):
        calibration = calibrate(data, IMAGES)
        for name, (lowest, highest) in limits.items():
            low, high = calibration.ranges[name]
            calibration.ranges[name] = max(low, lowest), min(high, highest)
        file = quantize(data, int8(), calibration)
        found.append(sqnr(expected, predict_all(file, UNSEEN)))
    assert found[1] > found[0] + 3, found


def test_preparing_does_the_same(balanced, uneven_parsed):
    found = prepare(uneven_parsed, int8(), IMAGES)
    assert found.file.data == balanced.file.data
    assert found.moves == balanced.moves
    assert found.source is uneven_parsed
    for name, (low, high) in balanced.limits.items():
        assert low <= found.calibration.ranges[name][0]
        assert found.calibration.ranges[name][1] <= high


def test_the_float_file_stays_as_it_is(balanced, uneven_parsed, uneven_float):
    assert write_model(uneven_parsed.model) == repacked(uneven_float)


def test_what_stays_float_is_left_alone(uneven_parsed):
    found = balance_channels(
        uneven_parsed, IMAGES, lambda name: name.startswith(UNEVEN_LAYER)
    )
    assert not [m for m in found.moves if m.family.startswith(UNEVEN_LAYER)]
    assert not [name for name in found.limits if UNEVEN_LAYER in name]


def test_limits_do_not_change_what_an_8_bit_sigmoid_says(
    balanced, uneven_float
):
    """Inputs of sigmoids end at 8, where less than half a step is left."""
    model = balanced.file.model
    (graph,) = model.subgraphs
    read_by = {
        tensor_name(graph, int(t)): op_name(model, op)
        for op in graph.operators
        for t in op.inputs
        if t >= 0
    }
    equalized = [m for m in balanced.moves if m.way.groups == 1]
    gates = {n: ends for n, ends in balanced.limits.items() if "/gate/" in n}
    assert len(gates) == len(equalized)
    assert len(balanced.limits) == 2 * len(gates)
    for name, ends in gates.items():
        assert read_by[name] == "LOGISTIC"
        assert ends == (-8, 8)
        assert 1 / (1 + math.exp(8)) < 0.5 / 256
    for name in balanced.limits.keys() - gates.keys():
        low, high = balanced.limits[name]
        assert low < 0 and high == math.inf


def chosen(moves, least=0.0):
    return {m.family: str(m.way) for m in choose(moves, least)}


def test_the_best_that_the_time_buys_is_chosen():
    """One way for each family at most."""
    moves = [
        Move("a", Way(2), 0.5, 0.03),
        Move("a", Way(1), 0.9, 0.06),
        Move("b", Way(2), 0.2, 0.045),
        Move("b", Way(1), 0.25, 0.08),
    ]
    assert chosen(moves[:2]) == {"a": "equalize"}
    # More than both splits; with one of the other it would take too long.
    assert chosen(moves) == {"a": "equalize"}
    both = chosen([moves[0], moves[2]])
    assert both == {"a": "split in 2", "b": "split in 2"}
    assert chosen(moves[2:]) == {"b": "equalize"}
    assert chosen([]) == {}


def test_two_that_fit_together_beat_the_best_alone():
    """Which gains most for its time, and leaves too little for either."""
    moves = [
        Move("a", Way(1), 0.55, 0.05),
        Move("b", Way(1), 0.45, 0.044),
        Move("c", Way(1), 0.45, 0.044),
    ]
    assert chosen(moves) == {"b": "equalize", "c": "equalize"}


def test_time_that_gains_too_little_is_not_spent():
    moves = [
        Move("a", Way(2), 0.5, 0.01),
        Move("a", Way(1), 0.502, 0.03),
        Move("b", Way(2), 0.001, 0.02),
    ]
    assert chosen(moves) == {"a": "equalize", "b": "split in 2"}
    # So much for each hundredth.
    assert chosen(moves, least=0.002) == {"a": "split in 2"}


def test_large_activations_do_not_overflow():
    """S at 256 pixels has more multiply-accumulates than int32 counts."""
    shape = np.array([1, 65536, 65536, 2], np.int32)
    graph = types.SimpleNamespace(tensors=[types.SimpleNamespace(shape=shape)])
    found = element_count(graph, np.int32(0))
    assert found == 2**33
    assert type(found) is int
