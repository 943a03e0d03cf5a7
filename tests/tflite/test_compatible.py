"""Files for older runtimes: what stays, and what is refused."""

import pytest
from edited import edited, repacked
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.flatbuffer import read_model

_FULLY_CONNECTED = ("FullyConnectedOptions", {})


def test_files_that_are_right_already_stay_as_they_are():
    """Float weights, and int8 ones that are floats again when it runs."""
    tensors = {
        "x": Tensor((1, 2)),
        "v": Tensor((2, 2), values=1),
        "y": Tensor((1, 2)),
        "w_int8": Tensor((2, 2), "int8", scale=(0.1, 0.2), values=1),
        "w": Tensor((2, 2)),
        "b": Tensor((2,), values=1),
        "z": Tensor((1, 2)),
    }
    nodes = [
        ("FULLY_CONNECTED", ["x", "v", "b"], ["y"], _FULLY_CONNECTED),
        ("DEQUANTIZE", ["w_int8"], ["w"], None),
        ("FULLY_CONNECTED", ["y", "w", "b"], ["z"], _FULLY_CONNECTED),
    ]
    model = micro_model(tensors, nodes)
    assert edited(make_compatible, model, "2.14") == repacked(model)


@pytest.mark.parametrize("compat", ["2.5", "tflite-runtime==2.14.0", None])
def test_runtimes_that_were_not_tested_are_refused(compat):
    with pytest.raises(ValueError, match=r"one of \['2.14'\].*Received"):
        make_compatible(read_model(micro_model({}, [])), compat)


@pytest.mark.parametrize(
    ("kind", "version", "since"),
    [("CAST", 6, "2.15.0"), ("CAST", 99, "unknown"), ("LOG", 1, "unknown")],
)
def test_operations_that_it_lacks_are_named(kind, version, since):
    tensors = {"x": Tensor((1, 2)), "y": Tensor((1, 2))}
    flat = read_model(micro_model(tensors, [(kind, ["x"], ["y"], None)]))
    flat.operatorCodes[0].version = version
    with pytest.raises(ValueError, match=f"{kind} version {version}.*{since}"):
        make_compatible(flat, "2.14")
