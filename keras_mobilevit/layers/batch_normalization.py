"""Batch normalization whose training step is one kernel on TensorFlow."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_mobilevit")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, with TensorFlow's fused kernel while it trains.

    Keras 3 normalizes a batch in half a dozen passes over it, and as many for
    the gradient. On a CPU that was at least a fifth of a training step of
    MobileViT-XXS. The results are those of Keras up to rounding; other
    backends, inference, and weights that are not float32 run Keras' own code.
    """

    def call(self, inputs, training=None, mask=None):
        if (
            keras.backend.backend() != "tensorflow"
            or not (training and self.trainable)
            or mask is not None
            or self.synchronized
            or len(inputs.shape) != 4
            # The kernel takes float32 weights, and would round float64.
            or self.variable_dtype != "float32"
            or self.compute_dtype == "float64"
        ):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        x = ops.cast(inputs, "float32")
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased variance; Keras averages the other.
        count = tf.cast(tf.size(x) / tf.shape(x)[-1], "float32")
        variance *= (count - 1) / count
        for statistic, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            statistic.assign(
                statistic * self.momentum + value * (1 - self.momentum)
            )
        return ops.cast(outputs, self.compute_dtype)
