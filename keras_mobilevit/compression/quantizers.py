"""Which tensors are rounded to int8 while a twin trains.

Part of the process of `worker`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (  # noqa: E501
    default_8bit_quantize_configs,
    default_8bit_quantize_registry,
    default_8bit_quantizers,
)

from keras_mobilevit.compression.twin import Twin, copy_values

# Layers whose weights stay as they are and whose outputs are rounded. An
# int8 file has such outputs wherever a convolution or dense layer reads them.
_OUTPUTS = (
    *("BatchNormalization", "LayerNormalization"),
    *("add", "dotproductattention", "silu"),
)
# Of the names of layers that are wrapped.
PREFIX = "quant_"


def quantize(
    twin: Twin, skips: Callable[[str], bool], images: np.ndarray
) -> tuple[tf_keras.Model, Callable[[], tf_keras.Model]]:
    """Makes a copy of a twin that rounds as an int8 file does.

    Args:
        twin: Model to copy.
        skips: Whether nothing of the layer of a name is rounded.
        images: Array `(count, height, width, 3)`; the ranges of activations
            begin as those of these images. tfmot would begin with [-6, 6] and
            take thousands of steps from there.

    Returns:
        The copy, and a function that puts its weights into the twin and
        returns that.

    Raises:
        ValueError: If nothing is to be rounded.
    """
    configs = {
        layer.name: config
        for layer in twin.model.layers
        if not skips(layer.name)
        and (config := _config(layer, twin.kinds.get(layer.name)))
    }
    if not configs:
        raise ValueError(
            "There is nothing to compress: `skip` leaves none of the layers."
        )

    def annotate(layer):
        if layer.name not in configs:
            return layer
        return tfmot.quantization.keras.quantize_annotate_layer(
            layer, configs[layer.name]
        )

    with tfmot.quantization.keras.quantize_scope(
        {"DepthwiseConfig": DepthwiseConfig}
    ):
        model = tfmot.quantization.keras.quantize_apply(
            tf_keras.models.clone_model(twin.model, clone_function=annotate),
            quantized_layer_name_prefix=PREFIX,
        )
    _set_ranges(twin.model, model, configs, images)

    def strip():
        trained = {
            layer.name.removeprefix(PREFIX): layer for layer in model.layers
        }
        for name in twin.origins:
            copy_values(trained[name], twin.model.get_layer(name))
        return twin.model

    return model, strip


def _config(layer, kind):
    """How tfmot shall round at a layer; `None` if not at all."""
    registry = default_8bit_quantize_registry
    if kind in _OUTPUTS:
        return default_8bit_quantize_configs.Default8BitOutputQuantizeConfig()
    # A batch norm that follows becomes one with the convolution: nothing
    # between the two is rounded. It leaves the rounding of the weights as it
    # is, which have a scale for each channel.
    followers = [node.outbound_layer for node in layer.outbound_nodes]
    ends = not any(
        isinstance(follower, tf_keras.layers.BatchNormalization)
        for follower in followers
    )
    if kind in ("Conv2D", "Dense"):
        return registry.Default8BitConvQuantizeConfig(["kernel"], [], ends)
    if kind == "DepthwiseConv2D":
        return DepthwiseConfig(["depthwise_kernel"], [], ends)
    return None


class DepthwiseConfig(
    default_8bit_quantize_registry.Default8BitConvQuantizeConfig
):
    """One scale a channel, where tfmot has one for the whole kernel."""

    def __init__(self, weight_attrs, activation_attrs, quantize_output):
        super().__init__(weight_attrs, activation_attrs, quantize_output)
        self.weight_quantizer = _DepthwiseQuantizer()


class _DepthwiseQuantizer(
    default_8bit_quantizers.Default8BitConvWeightsQuantizer
):
    """Looks at `(height, width, channels, 1)` with the channels last."""

    def build(self, tensor_shape, name, layer):
        height, width, channels, multiplier = tensor_shape
        shape = (height, width, multiplier, channels)
        return super().build(shape, name, layer)

    def __call__(self, inputs, training, weights, **kwargs):
        x = tf.transpose(inputs, (0, 1, 3, 2))
        x = super().__call__(x, training, weights, **kwargs)
        return tf.transpose(x, (0, 1, 3, 2))


def _set_ranges(twin, model, names, images):
    """Lets the ranges of rounded outputs begin as they are on some images."""
    wrappers = {
        layer.name.removeprefix(PREFIX): {
            variable.name.rpartition("/")[2].partition(":")[0]: variable
            for variable in layer.weights
        }
        for layer in model.layers
    }
    rounded = [name for name in names if "output_min" in wrappers[name]]
    outputs = tf_keras.Model(
        twin.inputs, {name: twin.get_layer(name).output for name in rounded}
    )
    for name, values in outputs(images, training=False).items():
        # Zero has to be a number of int8.
        wrappers[name]["output_min"].assign(min(0.0, float(np.min(values))))
        wrappers[name]["output_max"].assign(max(0.0, float(np.max(values))))
