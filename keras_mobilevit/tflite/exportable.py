"""Any Keras model as a functional one in float32, which can be converted."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

_FLOAT32 = "float32"
_CHANNELS = 3


def as_functional(
    model: keras.Model, size: tuple[int, int] | None = None
) -> keras.Model:
    """The graph of a subclassed model; other models as they are.

    Its `call` is executed once, on a symbolic image, as for inference. The
    layers are those of the model, not copies.

    Args:
        model: Keras model with one image input.
        size: `(height, width)` of the image; by default that which a
            subclassed model was called with first.

    Raises:
        ValueError: If the model has no weights yet, or its `call` does
            something that Keras can not record.
    """
    if hasattr(model, "inputs"):
        return model
    if isinstance(model, keras.Sequential):
        raise ValueError(
            f"The model {model.name!r} has no input yet: put "
            "`keras.Input((height, width, 3))` in front of its layers."
        )
    image = keras.Input(_input_shape(model, size), name="image")
    arguments = {}
    if "training" in inspect.signature(model.call).parameters:
        arguments["training"] = False
    try:
        with _recorded(model):
            outputs = model.call(image, **arguments)
        return keras.Model(image, outputs, name=model.name)
    # Whatever the user's own code raises when it gets a symbolic tensor.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"The subclassed model {model.name!r} can not be exported, as its "
            "`call` does not work on symbolic tensors. Use layers and "
            "`keras.ops` in it instead of TensorFlow's functions, without "
            "`if` or `for` on values of tensors, or build it as "
            f"`keras.Model(inputs, outputs)`. Received: {reason}"
        ) from error


def _input_shape(model, size):
    if not model.built or not model.weights:
        raise ValueError(
            f"The subclassed model {model.name!r} has no weights yet: load "
            "them, or call the model on a batch of images, before you export "
            "it."
        )
    shape = (model.get_build_config() or {}).get("input_shape") or ()
    *called_with, channels = (
        shape[1:] if len(shape) == 4 else (None, None, _CHANNELS)
    )
    return (*(size or called_with), channels)


@contextlib.contextmanager
def _recorded(model) -> Iterator[None]:
    """Lets nested subclassed models be recorded as their layers.

    Keras would record each as one operation, of which nothing could be
    brought into deploy form.
    """
    nested = {
        type(layer)
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.Model) and not hasattr(layer, "inputs")
    }

    def call(self, *args, **kwargs):
        if "training" in inspect.signature(self.call).parameters:
            kwargs["training"] = False
        else:
            kwargs.pop("training", None)
        return self.call(*args, **kwargs)

    own = {kind: vars(kind).get("__call__") for kind in nested}
    try:
        for kind in nested:
            kind.__call__ = call
        yield
    finally:
        for kind, original in own.items():
            if original is None:
                del kind.__call__
            else:
                kind.__call__ = original


# === Types ===


def in_float32(model: keras.Model) -> keras.Model:
    """A copy that computes in float32, or the model itself if it does so.

    Models that were trained in mixed precision, or in float16, bfloat16 or
    float64, are exported in float32, and quantized from there.

    Args:
        model: Functional or Sequential model.

    Raises:
        ValueError: If Keras has quantized it.
    """
    policies = [
        layer.dtype_policy
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.Model)
    ]
    quantized = [p.name for p in policies if p.quantization_mode is not None]
    if quantized:
        raise ValueError(
            "A model that `quantize` of Keras has changed can not be "
            "exported: export it as it was before, by the recipe that you "
            f"want. Received: dtype policy {quantized[0]!r}"
        )
    types = {policy.name for policy in policies}
    types |= {keras.backend.standardize_dtype(x.dtype) for x in model.inputs}
    if types == {_FLOAT32}:
        return model
    pairs = []

    def copy_layer(layer):
        config = _with_float32(layer.get_config())
        copy = layer.__class__.from_config(config)
        # Functions of `keras.ops` have no weights.
        if isinstance(layer, keras.Layer):
            pairs.append((layer, copy))
        return copy

    with float32_by_default():
        inputs = keras.tree.map_structure(
            lambda tensor: keras.Input(
                batch_shape=tensor.shape,
                dtype=_FLOAT32,
                name=tensor._keras_history.operation.name,
            ),
            # Keras does not give that of a Sequential model.
            model.inputs[0]
            if isinstance(model, keras.Sequential)
            else model.input,
        )
        clone = keras.models.clone_model(
            model,
            input_tensors=inputs,
            clone_function=copy_layer,
            recursive=True,
        )
    for layer, copy in pairs:
        copy.set_weights(
            [np.asarray(weight, _FLOAT32) for weight in layer.get_weights()]
        )
        if hasattr(copy, "finalize_state"):
            copy.finalize_state()
    return clone


def _with_float32(config: Any) -> Any:
    """The configuration of a layer, with all policies in it in float32."""
    if isinstance(config, list | tuple):
        return type(config)(map(_with_float32, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {"name": _FLOAT32}}
    return {
        key: _FLOAT32
        if key == "dtype" and isinstance(value, str)
        else _with_float32(value)
        for key, value in config.items()
    }


@contextlib.contextmanager
def float32_by_default() -> Iterator[None]:
    """For layers that make others without saying their type."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_floatx(_FLOAT32)
    keras.config.set_dtype_policy(_FLOAT32)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
