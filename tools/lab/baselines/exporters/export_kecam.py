"""Exports MobileViT of keras_cv_attention_models, as its user would.

Usage: export_kecam.py VARIANT SIZE FOLDER
Writes FOLDER/float32.tflite and FOLDER/int8.tflite. TF_USE_LEGACY_KERAS=1
must be set before the start: the library does not work with Keras 3.
"""

from __future__ import annotations

import functools
import pathlib
import sys

import numpy as np
import tensorflow as tf
from keras_cv_attention_models import mobilevit
from lively_weights import CALIBRATION_IMAGES, keras_lively, make_images

CONSTRUCTORS = {
    "mobilevit_xxs": mobilevit.MobileViT_XXS,
    "mobilevit_xs": mobilevit.MobileViT_XS,
    "mobilevit_s": mobilevit.MobileViT_S,
    "mobilevitv2_050": mobilevit.MobileViT_V2_050,
    "mobilevitv2_075": mobilevit.MobileViT_V2_075,
    "mobilevitv2_100": mobilevit.MobileViT_V2_100,
    "mobilevitv2_125": mobilevit.MobileViT_V2_125,
    "mobilevitv2_150": mobilevit.MobileViT_V2_150,
    "mobilevitv2_175": mobilevit.MobileViT_V2_175,
    "mobilevitv2_200": mobilevit.MobileViT_V2_200,
}


def main(variant: str, size: int, folder: pathlib.Path) -> None:
    state = np.random.RandomState(0)
    model = CONSTRUCTORS[variant](input_shape=(size, size, 3), pretrained=None)
    keras_lively(model, state)

    # Of one picture: with an unknown number, files of version 2 do not run.
    function = tf.function(lambda x: model(x, training=False))
    function = function.get_concrete_function(tf.TensorSpec((1, size, size, 3)))
    make_converter = functools.partial(
        tf.lite.TFLiteConverter.from_concrete_functions, [function], model
    )
    converter = make_converter()
    (folder / "float32.tflite").write_bytes(converter.convert())

    # The model takes pixels in [0, 1].
    images = make_images(CALIBRATION_IMAGES, size, state) / 255
    converter = make_converter()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    (folder / "int8.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]))
