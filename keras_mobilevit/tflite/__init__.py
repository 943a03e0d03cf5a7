"""TFLite for Android and other devices: export, run, inspect, measure.

Data flows one way: conversion → calibration → quantization → metadata, all of
it behind `export_tflite`; then runtime → inspection, evaluation, latency →
comparison.
Needs `pip install "keras-mobilevit[tflite]"`.
"""

from keras_mobilevit.tflite.comparison import Comparison, compare
from keras_mobilevit.tflite.conversion import convert
from keras_mobilevit.tflite.evaluation import Evaluation, evaluate
from keras_mobilevit.tflite.export import export_recipes, export_tflite
from keras_mobilevit.tflite.inspection import Inspection, inspect
from keras_mobilevit.tflite.latency import measure_latency
from keras_mobilevit.tflite.metadata import Metadata, read_metadata
from keras_mobilevit.tflite.quantization import quantize
from keras_mobilevit.tflite.recipes import RECIPES, Recipe
from keras_mobilevit.tflite.runtime import ImageModel, Prediction

__all__ = [
    "RECIPES",
    "Comparison",
    "Evaluation",
    "ImageModel",
    "Inspection",
    "Metadata",
    "Prediction",
    "Recipe",
    "measure_latency",
    "compare",
    "convert",
    "evaluate",
    "export_recipes",
    "export_tflite",
    "inspect",
    "quantize",
    "read_metadata",
]
