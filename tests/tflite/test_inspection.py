"""What is said of files: delegation and why not, types, versions, memory."""

import functools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from micro_model import Tensor, micro_model

from keras_mobilevit.tflite import inspect, read_metadata
from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.graph import Node, read_graph
from keras_mobilevit.tflite.inspection import delegation
from keras_mobilevit.tflite.op_versions import minimum_runtime


@pytest.fixture
def inspected(tmp_path):
    """Inspects the arguments of `micro_model`."""

    def write_and_inspect(*arguments, **options):
        path = tmp_path / "micro.tflite"
        path.write_bytes(micro_model(*arguments, **options))
        return inspect(path)

    return write_and_inspect


# === What falls out of XNNPACK, and why ===

SHAPE = (1, 4, 4, 8)
SCALARS = {
    "float": dict(dtype="float32"),
    "int8": dict(dtype="int8", scale=0.05, zero_point=3),
    "uint8": dict(dtype="uint8", scale=0.05, zero_point=3),
    "int16": dict(dtype="int16", scale=1 / 32768),
    "int32": dict(dtype="int32"),
}


def tensor(kind, shape=SHAPE, **fields):
    return Tensor(shape, **{**SCALARS[kind], **fields})


def unary(kind, x, y, options=None):
    return {"x": x, "y": y}, [(kind, ["x"], ["y"], options)]


def binary(kind, a, b, y, options=None):
    return {"a": a, "b": b, "y": y}, [(kind, ["a", "b"], ["y"], options)]


POOLING = dict(padding=1, strideW=2, strideH=2, filterWidth=2, filterHeight=2)
UNARY = {
    "ABS": ("AbsOptions", {}),
    "EXP": ("ExpOptions", {}),
    "GELU": ("GeluOptions", {}),
    "HARD_SWISH": ("HardSwishOptions", {}),
    "NEG": ("NegOptions", {}),
    "RELU": None,
    "RELU6": None,
    "RSQRT": None,
    "SOFTMAX": ("SoftmaxOptions", {"beta": 1.0}),
    "SQRT": None,
}
BINARY = {
    "DIV": ("DivOptions", {}),
    "MAXIMUM": ("MaximumMinimumOptions", {}),
    "MINIMUM": ("MaximumMinimumOptions", {}),
    "PRELU": None,
    "SQUARED_DIFFERENCE": None,
}
# The output quantization that the runtime insists on.
OUTPUT = {"SOFTMAX": dict(scale=1 / 256, zero_point=-128)}
INPUT = {"RSQRT": dict(zero_point=-128), "SQRT": dict(zero_point=-128)}


def float_only(kind, scalar):
    """One operation that has a float kernel only."""
    into, out = (
        {} if scalar == "float" else table.get(kind, {})
        for table in (INPUT, OUTPUT)
    )
    x = tensor(scalar, **into)
    if kind in UNARY:
        return unary(kind, x, tensor(scalar, **out), UNARY[kind])
    if kind in BINARY:
        slope = {"values": 1, "shape": (8,)} if kind == "PRELU" else {}
        return binary(
            kind, x, tensor(scalar, **slope), tensor(scalar), BINARY[kind]
        )
    pooled = tensor(scalar, (1, 2, 2, 8))
    return unary(kind, x, pooled, ("Pool2DOptions", POOLING))


def scaled(kind, quotient):
    """One operation whose input has so many times the scale of its output."""
    x, y = (tensor("int8", scale=s, zero_point=0) for s in (quotient, 1.0))
    if kind == "QUANTIZE":
        return unary(kind, x, y)
    return binary(kind, x, y, y, (f"{kind.capitalize()}Options", {}))


def batch_matmul(zero_point):
    return binary(
        "BATCH_MATMUL",
        tensor("int8", (2, 4, 8)),
        tensor("int8", (2, 4, 8), zero_point=zero_point),
        tensor("int8", (2, 4, 4)),
        ("BatchMatMulOptions", {"adjY": True}),
    )


def depthwise(weights, bias=True):
    tensors = {
        "x": tensor("float"),
        "w": Tensor((1, 3, 3, 8), values=1, **weights),
        "b": tensor("float", (8,), values=0),
        "y": tensor("float"),
    }
    options = dict(padding=0, strideW=1, strideH=1, depthMultiplier=1)
    node = ("DepthwiseConv2DOptions", options)
    if not bias:
        del tensors["b"]
    names = [name for name in tensors if name != "y"]
    return tensors, [("DEPTHWISE_CONV_2D", names, ["y"], node)]


def slice_second_axis(mask):
    tensors = {
        "x": tensor("float"),
        "begin": tensor("int32", (4,), values=0),
        "end": tensor("int32", (4,), values=[1, 1, 4, 8]),
        "strides": tensor("int32", (4,), values=1),
        "y": tensor("float", (1, 4, 8) if mask else (1, 1, 4, 8)),
    }
    options = ("StridedSliceOptions", {"shrinkAxisMask": mask})
    return tensors, [
        ("STRIDED_SLICE", ["x", "begin", "end", "strides"], ["y"], options)
    ]


def concatenation(count):
    names = [f"x{i}" for i in range(count)]
    tensors = {name: tensor("float") for name in names}
    tensors["y"] = tensor("float", (1, 4, 4, 8 * count))
    options = ("ConcatenationOptions", {"axis": 3})
    return tensors, [("CONCATENATION", names, ["y"], options)]


def reshape(values):
    tensors = {
        "x": tensor("float"),
        "shape": tensor("int32", (2,), values=values),
        "y": tensor("float", (1, 128) if values else (-1, -1)),
    }
    options = ("ReshapeOptions", {})
    return tensors, [("RESHAPE", ["x", "shape"], ["y"], options)]


def reduce(kind, scalar, options):
    tensors = {
        "x": tensor("float"),
        "axis": tensor("int32", (1,), values=[3]),
        "y": tensor(scalar, (1, 4, 4)),
    }
    return tensors, [(kind, ["x", "axis"], ["y"], options)]


def multiply(scalar, shape=SHAPE):
    x = tensor(scalar, shape)
    return {"x": x, "y": x}, [("MUL", ["x", "x"], ["y"], ("MulOptions", {}))]


HYBRID = dict(dtype="int8", scale=(0.1,) * 8, axis=3)
BELOW = float(np.nextafter(np.float32(1), np.float32(0)))
ABOVE = float(np.nextafter(np.float32(1), np.float32(2)))
FAR = "further apart"

# What falls out, what does not although it is nearly the same, and why.
PAIRS = {
    **{
        kind: (
            float_only(kind, "int8"),
            float_only(kind, "float"),
            "8-bit kernel",
        )
        for kind in (*UNARY, *BINARY, "AVERAGE_POOL_2D")
    },
    # The limits stand in xnnpack_delegate.cc of LiteRT.
    "ADD low": (scaled("ADD", BELOW / 1024), scaled("ADD", 1 / 1024), FAR),
    "ADD high": (scaled("ADD", 256), scaled("ADD", 256 * BELOW), FAR),
    "SUB low": (scaled("SUB", BELOW / 1024), scaled("SUB", 1 / 1024), FAR),
    "SUB high": (scaled("SUB", 256), scaled("SUB", 256 * BELOW), FAR),
    "MUL low": (scaled("MUL", BELOW / 65536), scaled("MUL", 1 / 65536), FAR),
    "MUL high": (scaled("MUL", 256), scaled("MUL", 256 * BELOW), FAR),
    "QUANTIZE low": (
        scaled("QUANTIZE", BELOW / 256),
        scaled("QUANTIZE", 1 / 256),
        FAR,
    ),
    "QUANTIZE high": (
        scaled("QUANTIZE", 128 * ABOVE),
        scaled("QUANTIZE", 128),
        FAR,
    ),
    "uint8 to int8": (
        unary("QUANTIZE", tensor("uint8"), tensor("int8")),
        unary("QUANTIZE", tensor("float"), tensor("int8")),
        "into each other",
    ),
    "second operand": (batch_matmul(1), batch_matmul(0), "zero point 0"),
    "hybrid": (depthwise(HYBRID), depthwise({}), "by int8 weights"),
    "bias": (depthwise({}, bias=False), depthwise({}), "bias"),
    "slice": (slice_second_axis(2), slice_second_axis(0), "an axis, as"),
    "concatenation": (concatenation(6), concatenation(5), "at most 5"),
    "computed": (reshape(None), reshape([1, 128]), "is computed when"),
    "integers": (multiply("int32"), multiply("float"), "with integers"),
    "16 bits": (multiply("int16"), multiply("int8"), "16-bit"),
    "output_head": (
        # An index is an int32, number 2 of the schema's types.
        reduce("ARG_MAX", "int32", ("ArgMaxOptions", {"outputType": 2})),
        reduce("MEAN", "float", ("ReducerOptions", {})),
        "ends a mask",
    ),
    "rank": (multiply("float", (2,) * 7), multiply("float", (2,) * 6), "rank"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_reason(inspected, case):
    left, taken, words = PAIRS[case]
    result = inspected(*left)
    (kind, *_), *_ = left[1]
    assert (result.delegated, result.left_out) == (0, {kind: 1})
    (group,) = result.reasons
    assert (group.kind, group.nodes, group.tensors) == (kind, 1, ("y",))
    assert words in group.reason
    result = inspected(*taken)
    assert (result.delegated, result.partitions, result.reasons) == (1, 1, ())


def test_every_reason_has_a_test():
    words = {words for *_, words in PAIRS.values()}
    for _, reason in delegation._RULES:
        assert sum(word in reason for word in words) == 1, reason
    assert delegation._FLOAT_ONLY == {*UNARY, *BINARY, "AVERAGE_POOL_2D"}


@pytest.fixture
def split_file(tmp_path):
    """XNNPACK lacks the middle one of three operations."""
    names = ("x", "a", "b", "y")
    tensors = {name: tensor("float") for name in names}
    tensors["axis"] = tensor("int32", (), values=1)
    nodes = [
        ("RELU", ["x"], ["a"], None),
        ("CUMSUM", ["a", "axis"], ["b"], ("CumsumOptions", {})),
        ("RELU", ["b"], ["y"], None),
    ]
    path = tmp_path / "split.tflite"
    path.write_bytes(micro_model(tensors, nodes, signature="serve"))
    return path


def test_partitions_and_no_known_rule(split_file):
    result = inspect(split_file)
    assert result.left_out == {"CUMSUM": 1}
    assert (result.nodes, result.delegated, result.partitions) == (3, 2, 2)
    assert result.reasons[0].reason == "no known rule"
    with pytest.raises(
        ValueError, match="2 of 3 nodes, in 2; without 1 CUMSUM: no known rule"
    ):
        result.require_full_delegation()


@pytest.mark.parametrize("recipe", ["float32", "float16", "int8"])
def test_full_delegation_of_our_own_files(files, recipe):
    inspect(files[recipe]).require_full_delegation()


# === What a file holds ===


def test_operations_types_and_ranks(inspected):
    high = (1, 1, 2, 2, 8)
    tensors = {
        "x": tensor("float", (1, 4, 8)),
        "q": tensor("int8", (1, 4, 8)),
        "r": tensor("int8", (1, 4, 8)),
        "shape": tensor("int32", (5,), values=high),
        "y": tensor("int8", high),
    }
    nodes = [
        ("QUANTIZE", ["x"], ["q"], None),
        ("QUANTIZE", ["x"], ["r"], None),
        ("RESHAPE", ["q", "shape"], ["y"], ("ReshapeOptions", {})),
    ]
    result = inspected(tensors, nodes)
    found = [
        (o.kind, o.version, o.inputs, o.outputs, o.nodes, o.minimum_runtime)
        for o in result.operations
    ]
    assert found == [
        ("QUANTIZE", 1, ("float32",), ("int8",), 2, "1.14.0"),
        ("RESHAPE", 1, ("int8", "int32"), ("int8",), 1, "1.5.0"),
    ]
    assert result.dtypes == {"int8": 3}
    assert (result.highest_rank, result.above_rank_4) == (5, {"RESHAPE": 1})
    assert result.minimum_runtime == "1.14.0"
    (image,) = result.inputs
    assert (image.name, image.dtype, image.shape) == ("x", "float32", (1, 4, 8))
    assert [(t.name, t.scales) for t in result.outputs] == [
        ("r", (np.float32(0.05),)),
        ("y", (np.float32(0.05),)),
    ]


def test_memory_against_a_count_by_hand(inspected):
    """Tensors of 40 bytes; while the second node runs, x, a and b live."""
    tensors = {
        "x": tensor("float", (1, 10)),
        "c": tensor("float", (1, 10), values=2),
        "a": tensor("float", (1, 10)),
        "b": tensor("float", (1, 10)),
        "y": tensor("int8", (1, 10)),
    }
    nodes = [
        ("MUL", ["x", "c"], ["a"], ("MulOptions", {})),
        ("ADD", ["a", "x"], ["b"], ("AddOptions", {})),
        ("QUANTIZE", ["b"], ["y"], None),
    ]
    result = inspected(tensors, nodes)
    assert result.weight_bytes == 40
    assert result.activation_bytes == 3 * 40 + 10
    assert result.peak_activation_bytes == 3 * 40


def test_memory_of_our_own_files(files):
    facts = [inspect(files[name]) for name in ("float32", "float16", "int8")]
    for fact in facts:
        # Some of a file is its graph, most are its weights.
        assert 0.75 * fact.size < fact.weight_bytes < fact.size
    as_float, as_half, as_int8 = facts
    # Half floats are weights only.
    assert as_half.activation_bytes == as_float.activation_bytes
    assert as_half.peak_activation_bytes == as_float.peak_activation_bytes
    assert as_int8.peak_activation_bytes < as_float.peak_activation_bytes / 2


def test_int4_takes_half_a_byte(inspected):
    tensors = {
        "x": tensor("float", (1, 8)),
        "w": tensor("float", (3, 8), values=1),
        "y": tensor("float", (1, 3)),
    }
    nodes = [("FULLY_CONNECTED", ["x", "w"], ["y"], _FULLY_CONNECTED)]
    data = micro_model(tensors, nodes)
    model = read_model(data)
    model.subgraphs[0].tensors[1].type = 17  # TensorType.INT4
    (_, weights, _) = read_graph(write_model(model)).tensors
    assert (weights.dtype, weights.size) == ("int4", 12)


_FULLY_CONNECTED = ("FullyConnectedOptions", {})


def test_notes_on_files_of_others(inspected):
    node = [("RELU", ["x"], ["y"], None)]
    dynamic = tensor("float", (-1, 8))
    result = inspected({"x": dynamic, "y": dynamic}, node, subgraphs=2)
    assert result.inputs[0].shape == (-1, 8)
    unknown, graphs, signature = result.notes
    assert "x has unknown sides (-1, 8)" in unknown
    assert "2 graphs; only the first" in graphs
    assert "no signature" in signature
    fixed = tensor("float", (1, 8))
    result = inspected({"x": fixed, "y": fixed}, node, signature="serve")
    assert (result.notes, result.signatures) == ((), ("serve",))


@pytest.mark.parametrize("bias", ["float32", "float16"])
def test_note_on_layers_that_some_releases_leave_out(inspected, bias):
    tensors = {
        "x": tensor("float", (1, 8)),
        "w_half": Tensor((3, 8), "float16", values=1),
        "w": tensor("float", (3, 8)),
        "y": tensor("float", (1, 3)),
        "b_half": Tensor((3,), "float16", values=1),
        "b": tensor("float", (3,)),
        "c": tensor("float", (3,), values=1),
    }
    nodes = [
        ("DEQUANTIZE", ["w_half"], ["w"], None),
        ("DEQUANTIZE", ["b_half"], ["b"], None),
        (
            "FULLY_CONNECTED",
            ["x", "w", "b" if bias == "float16" else "c"],
            ["y"],
            _FULLY_CONNECTED,
        ),
    ]
    notes = inspected(tensors, nodes, signature="serve").notes
    assert [note[:24] for note in notes] == (
        ["The weights of 1 layers "] if bias == "float32" else []
    )


def test_operator_codes_of_old_files(tmp_path):
    """Before 2020 the kind stood in another field, which is eight bits wide."""
    model = read_model(micro_model(*multiply("float")))
    model.operatorCodes[0].builtinCode = 0
    path = tmp_path / "old.tflite"
    path.write_bytes(write_model(model))
    assert [group.kind for group in inspect(path).operations] == ["MUL"]


# === Versions ===


# Out of runtime_version.cc of TensorFlow.
@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("CONV_2D", 1, "1.5.0"),
        ("CONV_2D", 3, "1.14.0"),
        ("DEPTHWISE_CONV_2D", 7, "2.11.0"),
        ("FULLY_CONNECTED", 5, "2.0.0"),
        ("FULLY_CONNECTED", 14, "2.21.0"),
        ("BATCH_MATMUL", 1, "2.3.0"),
        ("TRANSPOSE", 6, "2.12.0"),
        ("RESIZE_BILINEAR", 3, "2.2.0"),
        ("SOFTMAX", 2, "1.14.0"),
        ("SOFTMAX", 99, None),
        ("SOFTMAX", 0, None),
        ("NO_SUCH_KIND", 1, None),
    ],
)
def test_minimum_runtime(kind, version, expected):
    (graph_tensor,) = read_graph(
        micro_model({"x": tensor("float")}, [])
    ).tensors
    node = Node(kind, version, (graph_tensor,) * 2, (graph_tensor,), None)
    assert minimum_runtime(node) == expected


def test_converter_agrees_on_the_runtime(files):
    """It writes what its own table says into the file."""
    result = inspect(files["float32"])
    assert result.minimum_runtime == result.stated_runtime
    assert result.unknown_runtimes == ()


def test_channels_of_a_hybrid_product_need_a_newer_runtime(inspected):
    """Version 12 brought them; quantizers leave an older one in the file."""

    def product(scale):
        tensors = {
            "x": tensor("float", (1, 8)),
            "w": Tensor((3, 8), "int8", scale=scale, values=1),
            "y": tensor("float", (1, 3)),
        }
        nodes = [("FULLY_CONNECTED", ["x", "w"], ["y"], _FULLY_CONNECTED)]
        return inspected(tensors, nodes).minimum_runtime

    assert product((0.1, 0.2, 0.3)) == "2.17.0"
    assert product(0.1) == "1.5.0"


def test_stated_and_unknown_runtime(inspected):
    result = inspected(
        *unary("LOG", tensor("float"), tensor("float")),
        metadata={"min_runtime_version": b"1.14.0" + bytes(10)},
    )
    assert result.stated_runtime == "1.14.0"
    assert result.minimum_runtime is None
    assert result.unknown_runtimes == ("LOG v1",)


# === The command ===


@pytest.fixture
def inspect_command(command):
    """Runs `keras-mobilevit inspect`; returns its exit status."""
    return functools.partial(command, "inspect")


def test_command_prints_tables(inspect_command, split_file, capsys):
    assert inspect_command(split_file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{split_file}: {split_file.stat().st_size:,} bytes"
    assert "XNNPACK: 2 of 3 nodes; partitions: 2" in lines
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert ["", "CUMSUM", "1", "no known rule", ""] in cells
    types = "float32 -> float32"
    assert ["", "RELU", "1", types, "2", "2", "1.5.0", ""] in cells


def test_command_tells_fidelity(inspect_command, files, split_file, capsys):
    for path, lines in ((files["int8"], 1), (split_file, 0)):
        assert inspect_command(path) == 0
        found = [
            line
            for line in capsys.readouterr().out.splitlines()
            if line.startswith("fidelity: int8 against float32 on 8 reserved ")
        ]
        assert len(found) == lines


def test_command_json(inspect_command, files, split_file, capsys):
    assert inspect_command("--json", files["int8"], split_file) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["file"] == str(files["int8"])
    assert first["partitions"] == 1
    assert first["recipe"] == "int8"
    assert first["fidelity"] == read_metadata(files["int8"]).fidelity
    assert second["fidelity"] == {}
    assert second["reasons"] == [
        {
            "kind": "CUMSUM",
            "reason": "no known rule",
            "nodes": 1,
            "tensors": ["b"],
        }
    ]


def test_command_requires_full_delegation(
    inspect_command, files, split_file, capsys
):
    assert inspect_command("--require-full-delegation", files["int8"]) == 0
    assert capsys.readouterr().err == ""
    assert (
        inspect_command("--require-full-delegation", files["int8"], split_file)
        == 1
    )
    captured = capsys.readouterr()
    assert "nodes; partitions: 1" in captured.out
    assert f"error: {split_file}: Expected all nodes" in captured.err


def test_command_in_a_fresh_process(split_file):
    """LiteRT, too, writes to standard error."""
    environment = dict(os.environ)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-m", "keras_mobilevit", "inspect", split_file],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{split_file}: ")


def test_command_errors(inspect_command, tmp_path, capsys):
    assert inspect_command(tmp_path / "missing.tflite") == 1
    assert "error: There is no .tflite file" in capsys.readouterr().err
