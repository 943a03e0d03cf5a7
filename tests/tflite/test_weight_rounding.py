"""Weights rounded by their inputs: layers, biases, and whole files."""

import dataclasses

import numpy as np
import pytest
from edited import edited, repacked, without_description
from expansion_graph import index_of, stored, tensor_values
from micro_model import Tensor, micro_model
from small_model import make_images
from test_verification import graph_bytes
from tiny_dense import DENSE_SIZE, make_tiny_detector, make_tiny_segmenter
from tiny_model import TINY_SIZE
from uneven_tiny import make_uneven_tiny_model

from keras_mobilevit.tflite import (
    convert,
    export_recipes,
    export_tflite,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    constant,
    op_name,
    read_model,
    tensor_name,
    write_model,
)
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.output_fidelity import (
    describe_fidelity,
    fidelity_meter,
)
from keras_mobilevit.tflite.quantization.calibration_set import CalibrationSet
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import (
    dynamic,
    int8,
    weight_only,
)
from keras_mobilevit.tflite.quantization.sequential_correction import (
    correct_biases_in_sequence,
)
from keras_mobilevit.tflite.quantization.weight_rounding import (
    MOST_IMAGES,
    round_weights,
)
from keras_mobilevit.tflite.scoring import predict_all

IMAGES = np.stack(make_images(20, TINY_SIZE, seed=1))
OTHERS = np.stack(make_images(30, TINY_SIZE, seed=2))
PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclasses.dataclass
class Layer:
    """Of a quantized file; weights are `(outputs, inputs of all)`."""

    integers: np.ndarray
    scale: np.ndarray
    bias: np.ndarray | None
    bias_scale: np.ndarray | None
    axis: int

    def weights(self):
        shape = [1] * self.integers.ndim
        shape[self.axis] = -1
        return self.integers * self.scale.reshape(shape)


def layers(data):
    """Name of an output -> its layer, of those with int8 weights."""
    model = read_model(data)
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    found = {}
    for op in graph.operators:
        if op_name(model, op) not in PRODUCTS:
            continue
        kernel = op.inputs[1]
        if kernel in producers:
            kernel = producers[kernel].inputs[0]
        tensor = graph.tensors[kernel]
        if tensor.type != INT8 or constant(model, graph, kernel) is None:
            continue
        bias = bias_scale = None
        if len(op.inputs) > 2 and op.inputs[2] >= 0:
            bias = constant(model, graph, op.inputs[2])
            quantization = graph.tensors[op.inputs[2]].quantization
            bias_scale = quantization and quantization.scale
        found[tensor_name(graph, op.outputs[0])] = Layer(
            constant(model, graph, kernel).astype(np.float64),
            tensor.quantization.scale.astype(np.float64),
            bias,
            bias_scale,
            tensor.quantization.quantizedDimension,
        )
    return found


def float_layers(data):
    """Name of an output -> kind, input, kernel, bias and stride."""
    model = read_model(data)
    (graph,) = model.subgraphs
    found = {}
    for op in graph.operators:
        kind = op_name(model, op)
        if kind not in PRODUCTS:
            continue
        options = op.builtinOptions
        same = kind != "FULLY_CONNECTED" and options.padding == 0
        found[tensor_name(graph, op.outputs[0])] = (
            kind,
            tensor_name(graph, op.inputs[0]),
            constant(model, graph, op.inputs[1]).astype(np.float64),
            constant(model, graph, op.inputs[2])
            if len(op.inputs) > 2 and op.inputs[2] >= 0
            else None,
            getattr(options, "strideH", 1),
            same,
        )
    return found


def taps(values, kind, kernel, stride, same):
    """All that each output sees: `(positions, rows, columns, channels)`."""
    if kind == "FULLY_CONNECTED":
        return values.reshape(-1, 1, 1, values.shape[-1])
    _, rows, columns, _ = kernel.shape
    if same and rows > 1:
        assert (rows, columns, stride) == (3, 3, 1)
        values = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        values, (rows, columns), (1, 2)
    )[:, ::stride, ::stride]
    windows = windows.transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(-1, *windows.shape[3:])


def output_errors(weights, source, images_values):
    """What errors of the weights do to each output, at every position."""
    kind, _, kernel, _, stride, same = source
    seen = taps(images_values, kind, kernel, stride, same)
    errors = kernel - weights
    if kind == "DEPTHWISE_CONV_2D":
        return np.einsum("prcx,rcx->px", seen, errors[0])
    return seen.reshape(len(seen), -1) @ errors.reshape(len(errors), -1).T


@pytest.fixture(scope="module")
def plain(tiny_float):
    return quantize(tiny_float, weight_only())


@pytest.fixture(scope="module")
def rounded(plain, tiny_float):
    return rounded_by(plain, tiny_float, IMAGES)


def rounded_by(data, float_model, images):
    return edited(round_weights, data, read_model(float_model), images)


@pytest.fixture(scope="module")
def uneven_float():
    return convert(make_uneven_tiny_model())


# === Layer by layer ===


def assert_layers_fit_better(before, after, float_model):
    """The objective, against outputs that are computed here."""
    sources, old, new = float_layers(float_model), layers(before), layers(after)
    assert old.keys() == new.keys() and len(new) > 10
    ratios = []
    for name, layer in new.items():
        source = sources[name]
        values = tensor_values(float_model, source[1], IMAGES[:, None])
        errors = [
            output_errors(x.weights(), source, values)
            for x in (old[name], layer)
        ]
        if layer.bias is not None:
            # What the bias has taken over is as near to zero as it gets.
            exact = source[3] if source[3] is not None else 0
            step = layer.bias_scale if layer.integers.size else 1
            step = 1 if step is None else step
            shift = layer.bias.astype(np.float64) * step - exact
            left = errors[1].mean(axis=0) - shift
            resolution = 1e-6 * np.abs(exact).max() + 1e-5 * np.std(
                output_errors(0 * source[2], source, values)
            )
            if layer.bias_scale is not None:
                resolution = resolution + 0.5 * layer.bias_scale
            assert (np.abs(left) <= resolution).all(), name
            errors = [error - error.mean(axis=0) for error in errors]
        first, second = (np.sum(error**2, axis=0) for error in errors)
        # To the digits of float32 moments.
        assert (second <= first * 1.001).all(), name
        ratios.append(second.sum() / first.sum())
        steps = np.abs(layer.integers - old[name].integers)
        assert np.abs(layer.integers).max() <= 127
        assert steps.max() <= 12, name
        np.testing.assert_array_equal(layer.scale, old[name].scale)
    return ratios


def test_every_layer_fits_its_inputs_better(plain, rounded, tiny_float):
    ratios = assert_layers_fit_better(plain, rounded, tiny_float)
    assert np.mean(ratios) < 0.6


def test_static_files_are_rounded_too(tiny_float, tiny_calibration):
    """int32 biases, and one scale for each dense layer."""
    recipe = dataclasses.replace(int8(), per_tensor_dense_weights=True)
    before = quantize(tiny_float, recipe, tiny_calibration)
    after = rounded_by(before, tiny_float, IMAGES)
    found = layers(after)
    assert {np.size(layer.scale) for layer in found.values()} >= {1}
    ratios = assert_layers_fit_better(before, after, tiny_float)
    assert np.mean(ratios) < 0.7


def test_dynamic_files_keep_their_float_layers(tiny_float):
    before = quantize(tiny_float, dynamic())
    after = rounded_by(before, tiny_float, IMAGES)
    assert_layers_fit_better(before, after, tiny_float)
    name = "stage0_ir/depthwise/depthwise_conv_2d/kernel"
    np.testing.assert_array_equal(stored(before, name), stored(after, name))
    assert len(after) == len(before)


def test_mean_outputs_are_those_of_the_float_file(plain, rounded, tiny_float):
    """Of the first layer, on kernels other than XNNPACK's."""
    name = "stem/conv_2d"
    expected, before, after = (
        tensor_values(file, name, IMAGES[:, None]).mean((0, 1, 2))
        for file in (tiny_float, plain, rounded)
    )
    errors = [np.abs(means - expected).max() for means in (before, after)]
    assert errors[1] < 0.001 * errors[0]


def test_only_constants_of_products_change(plain, rounded):
    """Operations, scales and names are those of the plain file."""
    first, second = read_model(plain), read_model(rounded)
    (graph,), (other,) = first.subgraphs, second.subgraphs
    assert [op_name(first, op) for op in graph.operators] == [
        op_name(second, op) for op in other.operators
    ]
    changed = set()
    for index in range(len(graph.tensors)):
        name = tensor_name(graph, index)
        twin = index_of(rounded, name)
        values = constant(first, graph, index)
        if values is None:
            continue
        if not np.array_equal(values, constant(second, other, twin)):
            changed.add(name)
    assert changed and all(
        name.endswith(("/kernel", "/bias")) for name in changed
    )


# === By hand ===

SHAPE = (1, 4, 5, 2)


def product(shared_bias=False, shared_kernel=False):
    """Two 1x1 convolutions of an image whose channels are the same."""
    kernel = np.array([[0.4, 0.4], [2, -3]]).reshape(2, 1, 1, 2)
    options = ("Conv2DOptions", {"strideW": 1, "strideH": 1})
    names = ("a", "b")
    biases = {n: "bias" if shared_bias else f"bias_{n}" for n in names}
    kernels = {n: "w" if shared_kernel else f"w_{n}" for n in names}

    def file(dtype):
        tensors = {"image": Tensor(SHAPE)}
        for n, factor in zip(names, (1, 2), strict=True):
            scale = None if dtype == "float32" else (1.0, 1.0)
            factor = 1 if shared_kernel else factor
            values = factor * kernel
            if dtype == "int8":
                values = np.round(values)
            tensors[kernels[n]] = Tensor(
                kernel.shape, dtype, scale=scale, values=values
            )
            tensors[biases[n]] = Tensor((2,), values=(0.5, 0.25))
            tensors[n] = Tensor(SHAPE)
        nodes = [
            ("CONV_2D", ["image", kernels[n], biases[n]], [n], options)
            for n in names
        ]
        return micro_model(tensors, nodes)

    return file("float32"), file("int8")


def twins(count=3):
    """Images whose two channels are the same, of mean 10."""
    values = np.random.default_rng(0).normal(10, 1, (count, *SHAPE[1:3], 1))
    values += 10 - values.mean()
    return np.repeat(values, 2, axis=-1).astype(np.float32)


def test_two_inputs_by_hand():
    """0.4 + 0.4 becomes 1 + 0; the bias makes up for 0.2 times 10."""
    source, quantized = product()
    found = rounded_by(quantized, source, twins())
    first, second = stored(found, "w_a").reshape(2, 2).tolist()
    assert sorted(first) == [0, 1] and second == [2, -3]
    bias = stored(found, "bias_a")
    np.testing.assert_allclose(bias, [0.5 - 2, 0.25], atol=1e-4)
    # Twice that, 0.8 + 0.8, is 2 and -0.4, or 1 and 0.6.
    assert stored(found, "w_b").reshape(2, 2)[0].tolist() in ([1, 1], [2, 0])
    shift = 10 * (1.6 - stored(found, "w_b").reshape(2, 2)[0].sum())
    np.testing.assert_allclose(stored(found, "bias_b")[0], 0.5 + shift, 1e-4)


def test_a_bias_that_layers_share_becomes_two():
    source, quantized = product(shared_bias=True)
    found = rounded_by(quantized, source, twins())
    (graph,) = read_model(found).subgraphs
    biases = [
        constant(read_model(found), graph, op.inputs[2])
        for op in graph.operators
    ]
    apart = rounded_by(product()[1], product()[0], twins())
    np.testing.assert_array_equal(biases[0], stored(apart, "bias_a"))
    np.testing.assert_array_equal(biases[1], stored(apart, "bias_b"))
    assert biases[0].tolist() != biases[1].tolist()


def test_a_kernel_that_layers_share_stays():
    source, quantized = product(shared_kernel=True)
    assert rounded_by(quantized, source, twins()) == repacked(quantized)


def test_layers_that_only_one_file_has_stay():
    source, quantized = product()
    other = source.replace(b"\1\0\0\0b\0", b"\1\0\0\0z\0")
    assert other != source
    found = rounded_by(quantized, other, twins())
    for name, stays in {"a": False, "b": True}.items():
        for constants in (f"w_{name}", f"bias_{name}"):
            before, after = (stored(f, constants) for f in (quantized, found))
            assert np.array_equal(before, after) == stays


def test_no_images_are_an_error():
    source, quantized = product()
    with pytest.raises(ValueError, match="Received: no images"):
        rounded_by(quantized, source, twins()[:0])


def test_of_many_images_some_are_taken_evenly(plain, tiny_float):
    many = np.concatenate([IMAGES, OTHERS])
    chosen = np.linspace(0, len(many) - 1, MOST_IMAGES).round().astype(int)
    found = rounded_by(plain, tiny_float, many)
    assert found == rounded_by(plain, tiny_float, many[chosen])


# === Whole files ===


@pytest.mark.parametrize("recipe", [weight_only(), dynamic()], ids=str)
def test_outputs_come_nearer_to_float32(uneven_float, recipe):
    """On images that had no part in it."""
    plain = quantize(uneven_float, recipe)
    found = rounded_by(plain, uneven_float, IMAGES)
    expected = predict_all(uneven_float, OTHERS)
    before, after = (
        sqnr(expected, predict_all(file, OTHERS)) for file in (plain, found)
    )
    assert after > before + 3


def test_without_images_files_are_as_they_were(
    tiny, converted, tiny_float, tmp_path
):
    """And images change none of those that have no use for them."""
    recipes = ("weight_only", "dynamic", "float16", "float32")
    without, given = (
        export_recipes(
            tiny,
            {tmp_path / f"{name}_{r}.tflite": r for r in recipes},
            **options,
        )
        for name, options in (("a", {}), ("b", {"calibration": IMAGES}))
    )
    for name, first, second in zip(recipes, without, given, strict=True):
        metadata = read_metadata(first)
        assert metadata.calibration_images == 0 and not metadata.fidelity
        if name.startswith("float"):
            assert first.read_bytes() == second.read_bytes()
            continue
        assert graph_bytes(first) != graph_bytes(second)
        plain = dataclasses.replace(
            {"weight_only": weight_only, "dynamic": dynamic}[name](),
            moment_rounding=False,
        )
        expected = repacked(quantize(tiny_float, plain))
        assert without_description(first) == expected
        # Nor do images matter where the recipe does not ask for it.
        path = export_tflite(
            tiny, tmp_path / "c.tflite", plain, calibration=IMAGES
        )
        assert graph_bytes(path) == graph_bytes(first)
        assert read_metadata(path).calibration_images == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weight_only", "dynamic"])
def test_exports_with_images_are_measured(tiny, converted, tmp_path, name):
    paths = export_recipes(
        tiny,
        {tmp_path / f"{r}.tflite": r for r in ("float32", name, "int8")},
        calibration=IMAGES,
        calibration_images=20,
        min_sqnr=0,
    )
    split = CalibrationSet(IMAGES).reserve()
    metadata = read_metadata(paths[1])
    facts = metadata.fidelity
    assert metadata.recipe == name
    assert metadata.calibration_images == len(split.images) == 12
    assert facts["images"] == 8 and not facts["escalated"]
    expected, actual = (
        predict_all(path.read_bytes(), split.reserved) for path in paths[:2]
    )
    assert facts["sqnr_db"] == pytest.approx(sqnr(expected, actual), abs=0.01)
    told = describe_fidelity(name, facts)
    assert told.startswith(f"{name} against float32 on 8 reserved images: ")
    found = inspect(paths[1])
    found.require_full_delegation()
    assert found.partitions == 1


def test_reserved_images_round_no_weights(
    tiny, converted, tiny_float, tmp_path
):
    path = export_tflite(
        tiny, tmp_path / "a.tflite", "weight_only", calibration=IMAGES
    )
    used = CalibrationSet(IMAGES).reserve().images
    plain = quantize(tiny_float, weight_only())
    expected = repacked(rounded_by(plain, tiny_float, used))
    assert without_description(path) == expected


@pytest.mark.parametrize("name", ["weight_only", "dynamic"])
def test_a_file_below_the_threshold_is_warned_of(
    tiny, converted, tmp_path, name
):
    with pytest.warns(UserWarning, match="less than min_sqnr=120") as caught:
        path = export_tflite(
            tiny, tmp_path / "a.tflite", name, calibration=IMAGES, min_sqnr=120
        )
    (told,) = (str(w.message) for w in caught)
    facts = read_metadata(path).fidelity
    assert told.startswith(f"{name} has {facts['sqnr_db']:.1f} dB against")
    assert told.endswith("Use the recipe 'float16' instead.")
    assert facts["threshold_db"] == 120


def test_few_images_are_said_to_be_few(tiny, converted, tmp_path):
    with pytest.warns(UserWarning) as caught:
        export_tflite(
            tiny, tmp_path / "a.tflite", "dynamic", calibration=IMAGES[:4]
        )
    drawn, reserved = (str(w.message) for w in caught)
    assert "4 calibration images are few" in drawn
    assert "only 2 of 4 images were reserved" in reserved


def test_files_for_older_runtimes_are_rounded_to_their_scales(
    tiny, converted, tiny_float, tmp_path
):
    """Else the one scale of a dense layer would round them a second time."""
    path = export_tflite(
        *(tiny, tmp_path / "a.tflite", "dynamic"),
        calibration=IMAGES,
        compat="2.14",
    )
    used = CalibrationSet(IMAGES).reserve().images
    plain = quantize(tiny_float, dynamic())
    merged = edited(make_compatible, plain, "2.14")
    expected = repacked(rounded_by(merged, tiny_float, used))
    assert without_description(path) == expected


def test_nothing_is_rounded_after_biases_are_corrected(
    tiny, converted, tmp_path, monkeypatch
):
    """Not even for older runtimes: the last step has the last word."""
    made = []

    def spy(model, *arguments):
        correct_biases_in_sequence(model, *arguments)
        made.append(write_model(model))

    module = "keras_mobilevit.tflite.verification"
    monkeypatch.setattr(f"{module}.correct_biases_in_sequence", spy)
    path = export_tflite(
        *(tiny, tmp_path / "a.tflite", "int8_accurate"),
        calibration=IMAGES,
        compat="2.14",
    )
    (corrected,) = made
    assert stored_constants(graph_bytes(path)) == stored_constants(corrected)


def stored_constants(file):
    """Name of a constant to its bytes."""
    model = read_model(file)
    (graph,) = model.subgraphs
    return {
        tensor.name: bytes(model.buffers[tensor.buffer].data)
        for tensor in graph.tensors
        if model.buffers[tensor.buffer].data is not None
    }


@pytest.mark.slow
@pytest.mark.parametrize("make", [make_tiny_detector, make_tiny_segmenter])
def test_networks_for_dense_prediction(make, tmp_path):
    """Their heads are rounded too, and measured by what they end in."""
    images = np.stack(make_images(20, DENSE_SIZE, seed=1))
    recipe = weight_only()
    plain = dataclasses.replace(recipe, moment_rounding=False)
    before, after, reference = export_recipes(
        make(),
        {
            tmp_path / f"{index}.tflite": r
            for index, r in enumerate((plain, recipe, "float32"))
        },
        calibration=images,
    )
    measure = fidelity_meter(
        reference.read_bytes(),
        CalibrationSet(images).reserve().reserved,
        read_metadata(after).task,
    )
    figures = [measure(graph_bytes(path)).sqnr for path in (before, after)]
    assert figures[1] > figures[0] + 3
    found = read_metadata(after).fidelity["sqnr_db"]
    assert found == pytest.approx(figures[1], abs=0.01)


def test_files_with_int8_activations_are_rounded_too(tiny, converted, tmp_path):
    nearest = dataclasses.replace(int8(), moment_rounding=False)
    paths = export_recipes(
        tiny,
        {tmp_path / "a.tflite": nearest, tmp_path / "b.tflite": int8()},
        calibration=IMAGES,
        min_sqnr=0,
    )
    before, after = (layers(path.read_bytes()) for path in paths)
    name = "stem/conv_2d"
    assert (before[name].integers != after[name].integers).any()
    inspect(paths[1]).require_full_delegation()
