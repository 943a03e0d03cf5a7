"""From the float32 graph to a quantized one, by a recipe."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.flatbuffer import (
    PRODUCTS,
    ParsedFile,
    read_model,
    tensor_name,
    write_model,
)
from keras_mobilevit.tflite.quantization.bias_correction import correct_biases
from keras_mobilevit.tflite.quantization.bit_exact_norm import (
    use_bit_exact_norms,
)
from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.coarse_weights import (
    coarse_dense_layers,
)
from keras_mobilevit.tflite.quantization.far_scales import (
    bridge_far_scales,
)
from keras_mobilevit.tflite.quantization.float_classifier import (
    with_float_classifier,
)
from keras_mobilevit.tflite.quantization.fp16_biases import fp16_biases
from keras_mobilevit.tflite.quantization.integer_io import (
    keep_moves_int8,
    use_uint8,
)
from keras_mobilevit.tflite.quantization.integer_softmax import (
    difference_ranges,
    keep_maximum_int8,
    use_integer_softmax,
)
from keras_mobilevit.tflite.quantization.recipes import INT8_BITS, Recipe
from keras_mobilevit.tflite.quantization.scales import (
    attention_operands,
    norm_operands,
    power_of_two,
    symmetric,
)

# Products and sums in float16, as tensorflow/lite/delegates/xnnpack reads it.
_PRECISION_KEY = b"reduced_precision_support"
_HALF_ARITHMETIC = b"fp16accfp16"


def quantize(
    float_model: bytes,
    recipe: Recipe,
    calibration: Calibration | None = None,
) -> bytes:
    """Applies a recipe to a float32 `.tflite` file.

    Args:
        float_model: File from `keras_mobilevit.tflite.convert`.
        recipe: What to make of it.
        calibration: From `calibrate`; for recipes with int8 activations.

    Returns:
        The quantized file.

    Raises:
        ValueError: If the recipe needs a calibration, and there is none or
            that of another file.

    Example:
        >>> import pathlib
        >>> from keras_mobilevit import tflite
        >>> float_model = pathlib.Path("model.tflite").read_bytes()
        >>> recipe = tflite.find_recipe("float16")
        >>> len(tflite.quantize(float_model, recipe)) < len(float_model)
        True
    """
    if recipe.weights == "float32":
        return float_model
    source = ParsedFile.parse(float_model)
    return write_model(quantize_parsed(source, recipe, calibration))


def quantize_parsed(
    source: ParsedFile,
    recipe: Recipe,
    calibration: Calibration | None = None,
) -> Any:
    """As `quantize`, but gives a model that is still to be edited.

    Args:
        source: Float file; it stays as it is.
        recipe: As in `quantize`.
        calibration: As in `quantize`.

    Returns:
        The quantized graph, as `read_model` gives it.

    Raises:
        ValueError: As `quantize`.
    """
    if recipe.weights == "float32":
        return source.copy_model()
    recipe = with_float_classifier(recipe, source.model)
    if not recipe.needs_calibration:
        model = read_model(_run_quantizer(source, recipe, None))
        fp16_biases(model)
        if recipe.fp16_compute:
            _allow_fp16_compute(model)
        return model
    if calibration is None:
        raise ValueError(
            f"The recipe {recipe.name!r} needs calibration images, about a "
            "hundred of the kind that the model will see."
        )
    _check_fit(source.model, calibration)
    source = _in_form(source, recipe)
    ranges = _ranges(source.model, recipe, calibration)
    model = read_model(_run_quantizer(source, recipe, ranges))
    correct_biases(model, source.model, calibration.means)
    fp16_biases(model)
    keep_maximum_int8(model)
    bridge_far_scales(model)
    keep_moves_int8(model)
    use_uint8(
        model,
        inputs=recipe.input_type == "uint8",
        outputs=recipe.output_type == "uint8",
    )
    return model


def _in_form(source, recipe):
    """The float file, with what can not be quantized as it is in other form."""
    if not (recipe.integer_softmax or recipe.bit_exact_norms):
        return source
    model = source.copy_model()
    if recipe.integer_softmax:
        use_integer_softmax(model, recipe.skip_layers)
    if recipe.bit_exact_norms:
        use_bit_exact_norms(model)
    return ParsedFile.pack(model)


def _ranges(model, recipe, calibration):
    ranges = dict(calibration.ranges)
    ranges |= difference_ranges(model, ranges)
    for name in attention_operands(model):
        ranges[name] = symmetric(*ranges[name])
    if recipe.bit_exact_norms:
        for name in norm_operands(model):
            ranges[name] = power_of_two(*ranges[name])
    return ranges


def _check_fit(model, calibration):
    (graph,) = model.subgraphs
    names = {
        tensor_name(graph, output)
        for op in graph.operators
        for output in op.outputs
    }
    missing = names - calibration.ranges.keys()
    if missing:
        raise ValueError(
            f"The calibration is of another file: {len(missing)} of "
            f"{len(names)} tensors are not in it, such as {min(missing)!r}."
        )


def _allow_fp16_compute(model):
    """Adds the metadata by which XNNPACK may compute in float16."""
    schema = import_optional(
        "ai_edge_litert.schema_py_generated", extra="tflite"
    )
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(_HALF_ARITHMETIC, np.uint8)
    model.buffers.append(buffer)
    entry.name = _PRECISION_KEY
    entry.buffer = len(model.buffers) - 1
    model.metadata = [*(model.metadata or ()), entry]


def _run_quantizer(source, recipe, ranges):
    quantizer_module = import_optional(
        "litert_quantizer.quantizer", extra="tflite"
    )
    coarse = ()
    if (
        recipe.per_tensor_dense_weights
        and "FULLY_CONNECTED" not in recipe.skip_ops
    ):
        coarse = coarse_dense_layers(source.model)
    quantizer = quantizer_module.Quantizer(source.data, _rules(recipe, coarse))
    if ranges is not None:
        ranges = {
            name: {
                "min": np.array([low], np.float32),
                "max": np.array([high], np.float32),
            }
            for name, (low, high) in ranges.items()
        }
    # It takes a second, yet draws a progress bar whatever it is told, and
    # warns of the memory that its own check of the ranges takes.
    with (
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)
        result = quantizer.quantize(
            ranges, enable_progress_bar=False, enable_progress_report=False
        )
    return bytes(result.quantized_model)


def _rules(recipe: Recipe, coarse: Sequence[str] = ()) -> list[dict]:
    """The recipe in the quantizer's own terms; later rules win.

    Args:
        recipe: Recipe.
        coarse: Dense layers that keep a scale for each output channel, by the
            names of their output tensors.
    """
    manager_module = import_optional(
        "litert_quantizer.recipe_manager", extra="tflite"
    )
    algorithms = import_optional(
        "litert_quantizer.algorithm_manager", extra="tflite"
    ).AlgorithmName
    operations = import_optional("litert_quantizer.qtyping", extra="tflite")
    operation_name = operations.TFLOperationName
    everything = operation_name.ALL_SUPPORTED
    manager = manager_module.RecipeManager()
    if recipe.weights == "float16":
        manager.add_weight_only_config(
            ".*", everything, 16, algorithm_key=algorithms.FLOAT_CASTING
        )
    elif recipe.activations == "int8":
        manager.add_static_config(".*", everything, INT8_BITS, INT8_BITS)
        if recipe.per_tensor_dense_weights:
            manager.add_static_config(
                ".*",
                operation_name.FULLY_CONNECTED,
                INT8_BITS,
                INT8_BITS,
                operations.QuantGranularity.TENSORWISE,
            )
        if coarse:
            # The quantizer matches the names of all outputs, each with a ";".
            manager.add_static_config(
                f"^({'|'.join(map(re.escape, coarse))});",
                operation_name.FULLY_CONNECTED,
                INT8_BITS,
                INT8_BITS,
            )
    elif recipe.activations == "dynamic":
        manager.add_dynamic_config(".*", everything, INT8_BITS)
    else:
        manager.add_weight_only_config(".*", everything, INT8_BITS)
    kept_float = [(".*", op) for op in recipe.skip_ops]
    if recipe.integer_softmax:
        kept_float.append((".*", "DIV"))
    kept_float += [(scope, "*") for scope in recipe.skip_layers]
    if recipe.input_type == "float32":
        kept_float.append((".*", "INPUT"))
    if recipe.output_type == "float32":
        kept_float.append((".*", "OUTPUT"))
    for regex, operation in kept_float:
        manager.add_quantization_config(
            regex,
            operation_name(operation),
            algorithm_key=algorithms.NO_QUANTIZE,
        )
    for scope in recipe.skip_layers:
        for operation in PRODUCTS:
            manager.add_weight_only_config(
                scope,
                operation_name(operation),
                16,
                algorithm_key=algorithms.FLOAT_CASTING,
            )
    # The ends are what they shall be, whatever layer beside them is float. The
    # manager would put rules of an expression that it knows not last.
    for end, dtype in (
        ("INPUT", recipe.input_type),
        ("OUTPUT", recipe.output_type),
    ):
        if dtype != "float32":
            manager.add_static_config(
                "^.*$", operation_name(end), INT8_BITS, INT8_BITS
            )
    return manager.get_quantization_recipe()
