"""The same network for tf_keras, the only Keras that tfmot takes.

This module and those that import it belong to the process of `worker`, which
is started with `TF_USE_LEGACY_KERAS=1`.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tf_keras

# What tf_keras computes itself -> the arguments that it gets. The rest has no
# weights, and stays the Keras 3 operation that it is.
_ARGUMENTS = {
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Conv2D": (
        *("filters", "kernel_size", "strides", "padding", "dilation_rate"),
        *("groups", "use_bias", "data_format"),
    ),
    "Dense": ("units", "use_bias"),
    "DepthwiseConv2D": (
        *("kernel_size", "strides", "padding", "dilation_rate"),
        *("depth_multiplier", "use_bias", "data_format"),
    ),
    "Dropout": ("rate",),
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
}


class Twin(NamedTuple):
    """A model for tf_keras, and where its weights came from.

    Attributes:
        model: Functional model of tf_keras.
        origins: Name of a layer with weights -> the Keras 3 layer that it
            stands for. Variables of the two have the same names and, but for
            the shape, the same values.
        kinds: Name of a layer -> class name of the Keras 3 operation.
    """

    model: tf_keras.Model
    origins: dict[str, keras.Layer]
    kinds: dict[str, str]


@tf_keras.utils.register_keras_serializable(package="keras_mobilevit")
class Function(tf_keras.layers.Layer):
    """A Keras 3 operation without weights, as a layer of tf_keras.

    tfmot copies layers by their configurations, which can not hold a Python
    function: the name of the layer finds it again.
    """

    functions: ClassVar[dict[str, Callable]] = {}

    def call(self, inputs):
        return self.functions[self.name](inputs)


def build_twin(model: keras.Model) -> Twin:
    """Builds the twin of a Keras 3 model, with its weights.

    Args:
        model: Functional model with one image input of fixed size.

    Raises:
        ValueError: If a layer has no counterpart.
    """
    builder = _Builder()
    image = tf_keras.Input(batch_shape=model.inputs[0].shape, name="image")
    output = model._run_through_graph(image, call_fn=builder.apply)
    twin = tf_keras.Model(image, output, name=model.name)
    for name, layer in builder.origins.items():
        copy_values(layer, twin.get_layer(name))
    return Twin(twin, builder.origins, builder.kinds)


class _Builder:
    """Applies Keras 3 operations to tensors of tf_keras.

    A layer that is made of layers is traced with its own `call`: what comes
    out is the graph of the model's code, and no second description of it.
    """

    def __init__(self):
        self.origins = {}
        self.kinds = {}
        self._names = collections.Counter()

    def apply(self, operation, *args, **kwargs):
        """What `operation(*args, **kwargs)` is for tensors of tf_keras."""
        if _is_composite(operation):
            return self._open(operation, args, kwargs)
        for kind in _ARGUMENTS:
            if isinstance(operation, getattr(keras.layers, kind)):
                config = operation.get_config()
                arguments = {name: config[name] for name in _ARGUMENTS[kind]}
                return self._apply_layer(kind, arguments, operation, *args)
        if isinstance(operation, keras.layers.EinsumDense):
            return self._apply_einsum(operation, *args)
        if isinstance(operation, keras.Layer) and operation.variables:
            raise ValueError(
                "tensorflow-model-optimization can not take the layer "
                f"{operation.path!r} ({type(operation).__name__}). Expected "
                f"only layers without variables and {', '.join(_ARGUMENTS)} "
                "and EinsumDense."
            )
        return self._apply_operation(operation, args, kwargs)

    def _open(self, layer, args, kwargs):
        tensors, rebuild = _split_off_tensors(args, kwargs)
        symbols = [keras.KerasTensor(x.shape, x.dtype.name) for x in tensors]
        args, kwargs = rebuild(symbols)
        graph = keras.Function(symbols, layer.call(*args, **kwargs))
        return graph._run_through_graph(tensors, call_fn=self.apply)

    def _apply_layer(self, kind, arguments, layer, x):
        name = self._claim((layer.path or layer.name).replace("/", "."), kind)
        twin = getattr(tf_keras.layers, kind)(**arguments, name=name)
        if layer.weights:
            if any(layer is known for known in self.origins.values()):
                raise ValueError(
                    f"The layer {layer.path!r} is used twice. Compression "
                    "takes only layers without weights more than once."
                )
            self.origins[name] = layer
        x = twin(x)
        activation = getattr(layer, "activation", keras.activations.linear)
        if activation is keras.activations.linear:
            return x
        return self._apply_function(activation.__name__, activation, x)

    def _apply_einsum(self, layer, x):
        """A dense layer over flattened axes, which tfmot knows."""
        contracted = count_contracted_axes(layer.equation)
        free = layer.kernel.shape[contracted:]
        kept = x.shape[1 : len(x.shape) - contracted]
        arguments = {
            "units": math.prod(free),
            "use_bias": layer.bias is not None,
        }
        x = self._reshape(x, (*kept, math.prod(x.shape[len(kept) + 1 :])))
        x = self._apply_layer("Dense", arguments, layer, x)
        return self._reshape(x, (*kept, *free))

    def _reshape(self, x, shape):
        return self._apply_function(
            "reshape", lambda x: tf.reshape(x, (-1, *shape)), x
        )

    def _apply_operation(self, operation, args, kwargs):
        tensors, rebuild = _split_off_tensors(args, kwargs)

        def function(inputs):
            args, kwargs = rebuild(tf.nest.flatten(inputs))
            return operation.call(*args, **kwargs)

        return self._apply_function(
            type(operation).__name__.lower(),
            function,
            tensors if len(tensors) > 1 else tensors[0],
        )

    def _apply_function(self, kind, function, inputs):
        name = self._claim(kind, kind)
        # It is TensorFlow code already.
        function = tf.autograph.experimental.do_not_convert(function)
        Function.functions[name] = function
        return Function(name=name)(inputs)

    def _claim(self, name, kind):
        """Returns a name that no other layer of the twin has."""
        self._names[name] += 1
        if self._names[name] > 1:
            name = f"{name}.{self._names[name]}"
        self.kinds[name] = kind
        return name


def _is_composite(operation):
    return isinstance(operation, keras.Layer) and any(
        operation._flatten_layers(include_self=False)
    )


def _split_off_tensors(args, kwargs):
    """The tensors among arguments, and how to put others in their place."""
    leaves = keras.tree.flatten((args, kwargs))
    places = [
        place
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, tf_keras.__internal__.KerasTensor)
    ]

    def rebuild(tensors):
        filled = list(leaves)
        for place, tensor in zip(places, tensors, strict=True):
            filled[place] = tensor
        return keras.tree.pack_sequence_as((args, kwargs), filled)

    return [leaves[place] for place in places], rebuild


def count_contracted_axes(equation: str) -> int:
    """Axes that an einsum sums over, if it is a dense layer in disguise.

    Args:
        equation: Such as `"abc,cde->abde"`: the last axes of the input and the
            first ones of the kernel.

    Raises:
        ValueError: If it sums over others.
    """
    inputs, _, rest = equation.partition(",")
    kernel, _, outputs = rest.partition("->")
    count = sum(letter in inputs for letter in kernel)
    kept = inputs[: len(inputs) - count]
    if inputs != kept + kernel[:count] or outputs != kept + kernel[count:]:
        raise ValueError(
            "tensorflow-model-optimization can take an EinsumDense only if it "
            "sums over the last axes of its input and the first ones of its "
            f"kernel, as `abc,cde->abde` does. Received: {equation}"
        )
    return count


# === Weights ===


def named_variables(layer: Any) -> dict[str, Any]:
    """Variables of a layer of either Keras, also if tfmot has wrapped it."""
    return {
        variable.name.rpartition("/")[2]
        .partition(":")[0]
        .removeprefix("depthwise_"): variable
        for variable in layer.weights
    }


def copy_values(source: Any, target: Any) -> None:
    """Copies the values of all variables of a layer, matched by their names.

    Shapes may differ if the order of the elements does not.

    Args:
        source: Layer of Keras 3 or tf_keras; may have more variables.
        target: Layer of either; all of its variables are set.
    """
    values = named_variables(source)
    for name, variable in named_variables(target).items():
        value = keras.ops.convert_to_numpy(values[name])
        variable.assign(np.reshape(value, variable.shape))
