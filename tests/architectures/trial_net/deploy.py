"""The deploy form: scale and offset of the norm fold into what reads it."""

import keras
from keras import ops
from trial_net.block import EPSILON, PACKAGE, TrialBlock


@keras.saving.register_keras_serializable(package=PACKAGE)
class UnitGroupNorm(keras.layers.Layer):
    """Takes the mean of a map away, and divides it by its deviation."""

    def call(self, inputs):
        x = inputs - self.mean(inputs)
        return x * ops.rsqrt(self.mean(x * x) + EPSILON)

    def mean(self, x):
        x = ops.mean(x, axis=(1, 2), keepdims=True)
        return ops.mean(x, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class InferenceTrialBlock(TrialBlock):
    """`TrialBlock` without weights in its norm."""

    def make_norm(self):
        # By this name, recipes keep it in float.
        return UnitGroupNorm(dtype=self.dtype_policy, name="rms_norm")

    @classmethod
    def from_block(cls, block):
        folded = cls.from_config(block.get_config())
        gamma, beta = block.norm.get_weights()
        folded.build((None, None, None, len(gamma)))
        for source, target in zip(
            block.convolutions, folded.convolutions, strict=True
        ):
            kernel, bias = source.get_weights()
            if source is not block.project:
                bias = bias + beta @ kernel[0, 0]
                kernel = kernel * gamma[:, None]
            target.set_weights([kernel, bias])
        return folded
