"""TFLite for Android and other devices: export, run, inspect, measure.

Data flows one way: conversion; interpreters → runtime → scoring →
quantization → output heads, compatibility, inspection, debugging → layer
ranking → verification → export → search; runners → dense prediction →
evaluation → report.

An export parses its graph once. A pass is a function of that parsed model which
edits it in place; `flatbuffer.ParsedFile` pairs a file with the graph in it,
and neither is edited any more. Only what takes files, such as the quantizer and
the interpreter, gets bytes.

Needs `pip install "keras-mobilevit[tflite]"`. To run, inspect and measure files
`keras-mobilevit[runtime]` is enough, which brings no TensorFlow; that code does
not import Keras either.
"""

from typing import TYPE_CHECKING

from keras_mobilevit.lazy import lazy_names

if TYPE_CHECKING:
    from keras_mobilevit.tflite.benchmarks.benchmark import (
        Measurement,
        benchmark,
    )
    from keras_mobilevit.tflite.benchmarks.comparison import Comparison, compare
    from keras_mobilevit.tflite.benchmarks.latency import measure_latency
    from keras_mobilevit.tflite.conversion import convert
    from keras_mobilevit.tflite.converter_baseline import export_baseline
    from keras_mobilevit.tflite.dense_prediction import Detector, Segmenter
    from keras_mobilevit.tflite.evaluation.evaluate import Evaluation, evaluate
    from keras_mobilevit.tflite.evaluation.multi_label import (
        MultiLabelEvaluation,
    )
    from keras_mobilevit.tflite.evaluation.regression import (
        RegressionEvaluation,
    )
    from keras_mobilevit.tflite.export import export_recipes, export_tflite
    from keras_mobilevit.tflite.export_summary import ExportSummary, summarize
    from keras_mobilevit.tflite.inspection.inspect import Inspection, inspect
    from keras_mobilevit.tflite.metadata import read_metadata
    from keras_mobilevit.tflite.output_fidelity import Fidelity, fidelity_meter
    from keras_mobilevit.tflite.output_heads.output_head import OutputHead
    from keras_mobilevit.tflite.output_heads.registry import (
        OUTPUT_HEADS,
        find_output_head,
    )
    from keras_mobilevit.tflite.quantization.calibration import calibrate
    from keras_mobilevit.tflite.quantization.calibration_set import (
        calibration_set,
    )
    from keras_mobilevit.tflite.quantization.quantize import quantize
    from keras_mobilevit.tflite.quantization.recipes import (
        RECIPES,
        Recipe,
        find_recipe,
    )
    from keras_mobilevit.tflite.quantization_debugging.tensor_noise import (
        compare_tensors,
    )
    from keras_mobilevit.tflite.runtime import ImageModel, Prediction, Value
    from keras_mobilevit.tflite.search.export import export_searched
    from keras_mobilevit.tflite.self_test import SelfTest, check_self_test

__all__ = [
    "OUTPUT_HEADS",
    "RECIPES",
    "Comparison",
    "Detector",
    "Evaluation",
    "ExportSummary",
    "Fidelity",
    "ImageModel",
    "Inspection",
    "Measurement",
    "MultiLabelEvaluation",
    "OutputHead",
    "Prediction",
    "Recipe",
    "RegressionEvaluation",
    "Segmenter",
    "SelfTest",
    "Value",
    "benchmark",
    "calibrate",
    "calibration_set",
    "check_self_test",
    "compare",
    "compare_tensors",
    "convert",
    "evaluate",
    "export_baseline",
    "export_recipes",
    "export_searched",
    "export_tflite",
    "fidelity_meter",
    "find_output_head",
    "find_recipe",
    "inspect",
    "measure_latency",
    "quantize",
    "read_metadata",
    "summarize",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "benchmarks.benchmark": ("Measurement", "benchmark"),
        "benchmarks.comparison": ("Comparison", "compare"),
        "benchmarks.latency": ("measure_latency",),
        "conversion": ("convert",),
        "converter_baseline": ("export_baseline",),
        "dense_prediction": ("Detector", "Segmenter"),
        "evaluation.evaluate": ("Evaluation", "evaluate"),
        "evaluation.multi_label": ("MultiLabelEvaluation",),
        "evaluation.regression": ("RegressionEvaluation",),
        "export": ("export_recipes", "export_tflite"),
        "export_summary": ("ExportSummary", "summarize"),
        "inspection.inspect": ("Inspection", "inspect"),
        "metadata": ("read_metadata",),
        "output_fidelity": ("Fidelity", "fidelity_meter"),
        "output_heads.output_head": ("OutputHead",),
        "output_heads.registry": ("OUTPUT_HEADS", "find_output_head"),
        "quantization.calibration": ("calibrate",),
        "quantization.calibration_set": ("calibration_set",),
        "quantization.quantize": ("quantize",),
        "quantization.recipes": ("RECIPES", "Recipe", "find_recipe"),
        "quantization_debugging.tensor_noise": ("compare_tensors",),
        "runtime": ("ImageModel", "Prediction", "Value"),
        "search.export": ("export_searched",),
        "self_test": ("SelfTest", "check_self_test"),
    },
    moved={
        "ENDINGS": "keras_mobilevit.tflite.OUTPUT_HEADS",
        "Ending": "keras_mobilevit.tflite.OutputHead",
        "Metadata": "keras_mobilevit.model_info.ModelInfo",
        "find_ending": "keras_mobilevit.tflite.find_output_head",
    },
)
