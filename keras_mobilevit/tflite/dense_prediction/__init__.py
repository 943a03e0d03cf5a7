"""Boxes and masks on pictures, from Keras models and `.tflite` files alike."""

from keras_mobilevit.tflite.dense_prediction.detector import Detector
from keras_mobilevit.tflite.dense_prediction.segmenter import Segmenter

__all__ = ["Detector", "Segmenter"]
