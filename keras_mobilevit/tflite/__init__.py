"""TFLite for Android and other devices: export, run, inspect, measure.

Data flows one way: conversion → calibration → quantization → metadata, all of
it behind `export_tflite`; then runtime → inspection, evaluation, latency →
comparison.
Needs `pip install "keras-mobilevit[tflite]"`.
"""

from keras_mobilevit.tflite.baseline import export_baseline
from keras_mobilevit.tflite.benchmarking import Measurement, benchmark
from keras_mobilevit.tflite.comparison import Comparison, compare
from keras_mobilevit.tflite.conversion import convert
from keras_mobilevit.tflite.evaluation import Evaluation, evaluate
from keras_mobilevit.tflite.export import export_recipes, export_tflite
from keras_mobilevit.tflite.inspection import Inspection, inspect
from keras_mobilevit.tflite.latency import measure_latency
from keras_mobilevit.tflite.machine import describe_machine
from keras_mobilevit.tflite.metadata import Metadata, read_metadata
from keras_mobilevit.tflite.quantization import quantize
from keras_mobilevit.tflite.recipes import RECIPES, Recipe, find_recipe
from keras_mobilevit.tflite.runtime import ImageModel, Prediction
from keras_mobilevit.tflite.searched_export import export_searched

__all__ = [
    "RECIPES",
    "Comparison",
    "Evaluation",
    "ImageModel",
    "Inspection",
    "Measurement",
    "Metadata",
    "Prediction",
    "Recipe",
    "benchmark",
    "compare",
    "convert",
    "describe_machine",
    "evaluate",
    "export_baseline",
    "export_recipes",
    "export_searched",
    "export_tflite",
    "find_recipe",
    "inspect",
    "measure_latency",
    "quantize",
    "read_metadata",
]
