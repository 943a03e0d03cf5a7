"""Measures `.tflite` files on Android phones, by `adb`.

`keras-mobilevit benchmark --android` is its command; README.md describes it.
It imports neither Keras nor LiteRT.

`driver` → one of `app_tool`, `benchmark_model`, `litert_tool` → `adb`.
"""

from keras_mobilevit.android.driver import (
    PhoneBenchmark,
    PhoneOptions,
    benchmark_on_phone,
)
from keras_mobilevit.android.errors import AndroidError

__all__ = [
    "AndroidError",
    "PhoneBenchmark",
    "PhoneOptions",
    "benchmark_on_phone",
]
