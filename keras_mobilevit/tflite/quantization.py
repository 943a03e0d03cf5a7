"""From the float32 graph to a quantized one, by a recipe."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from keras_mobilevit.extras import require
from keras_mobilevit.tflite.calibration import calibrate
from keras_mobilevit.tflite.flatbuffer import (
    op_name,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.recipes import INT8_BITS, Recipe

# Operations through which an int8 value passes without being recomputed.
_MOVES = ("RESHAPE", "TRANSPOSE")


def quantize(
    float_model: bytes,
    recipe: Recipe,
    calibration: Iterable[np.ndarray] | None = None,
) -> tuple[bytes, int]:
    """Applies a recipe to a float32 `.tflite` file.

    Args:
        float_model: File from `keras_mobilevit.tflite.convert`.
        recipe: From `keras_mobilevit.tflite.recipes`.
        calibration: Images `(height, width, channels)`, pixels in [0, 255];
            needed by static int8 only.

    Returns:
        `(file, images)`: the quantized file and the number of calibration
        images.

    Raises:
        ValueError: If the recipe needs calibration images and there are none.
    """
    if recipe.weights == "float32":
        return float_model, 0
    quantizer_module = require("litert_quantizer.quantizer", extra="tflite")
    quantizer = quantizer_module.Quantizer(float_model, _rules(recipe))
    ranges, count = None, 0
    if recipe.static_int8:
        images = () if calibration is None else calibration
        ranges, count = calibrate(float_model, images, recipe.percentile)
        for name in attention_operands(float_model):
            ranges[name] = _symmetric(ranges[name])
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
    return bytes(result.quantized_model), count


def _rules(recipe: Recipe) -> list[dict]:
    """The recipe in the quantizer's own terms; later rules win."""
    manager_module = require("litert_quantizer.recipe_manager", extra="tflite")
    algorithms = require(
        "litert_quantizer.algorithm_manager", extra="tflite"
    ).AlgorithmName
    operations = require("litert_quantizer.qtyping", extra="tflite")
    operation_name = operations.TFLOperationName
    everything = operation_name.ALL_SUPPORTED
    manager = manager_module.RecipeManager()
    if recipe.weights == "float16":
        manager.add_weight_only_config(
            ".*", everything, 16, algorithm_key=algorithms.FLOAT_CASTING
        )
        return manager.get_quantization_recipe()
    manager.add_static_config(".*", everything, INT8_BITS, INT8_BITS)
    kept_float = [(".*", op) for op in ("INPUT", "OUTPUT", *recipe.float_ops)]
    kept_float += [(f".*{scope}.*", "*") for scope in recipe.float_scopes]
    for regex, operation in kept_float:
        manager.add_quantization_config(
            regex,
            operation_name(operation),
            algorithm_key=algorithms.NO_QUANTIZE,
        )
    return manager.get_quantization_recipe()


def attention_operands(float_model: bytes) -> Iterator[str]:
    """Names of the tensors that carry keys and values into a matmul.

    XNNPACK multiplies int8 batches only if the second operand has zero point
    0; otherwise the product falls to reference code, tens of times slower.
    """
    model = read_model(float_model)
    (graph,) = model.subgraphs
    producers = {tensor: op for op in graph.operators for tensor in op.outputs}
    for op in graph.operators:
        if op_name(model, op) != "BATCH_MATMUL":
            continue
        tensor = op.inputs[1]
        yield tensor_name(graph, tensor)
        while op_name(model, producers[tensor]) in _MOVES:
            tensor = producers[tensor].inputs[0]
            yield tensor_name(graph, tensor)


def _symmetric(qsv):
    """The range whose int8 zero point is exactly 0."""
    step = np.maximum(np.abs(qsv["min"]), np.abs(qsv["max"])) / 127
    return {"min": -128 * step, "max": 127 * step}
