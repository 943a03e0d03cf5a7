"""Which scaling of pixels a Keras model expects, as its first layers tell.

A model that scales its input itself takes what that scaling is made for: behind
`Rescaling(1 / 255)` it takes pixels, behind `Normalization` with a mean of
0.485 values in [0, 1]. A network of a registered architecture without such a
layer takes [0, 1], as its constructors say. Of any other model it has to be
asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np

from keras_mobilevit.architectures import architectures
from keras_mobilevit.layers import ResizeLike
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.pixel_scaling import (
    FORMS,
    SCALINGS,
    PixelScaling,
    find_scaling,
    scaling_of,
)

_SCALING_LAYERS = (
    keras.layers.Rescaling,
    keras.layers.Normalization,
    keras.layers.BatchNormalization,
    keras.layers.Lambda,
)
# `x / 127.5 - 1` in a functional model.
_ARITHMETIC = ("Add", "Divide", "Multiply", "Subtract", "TrueDivide")
# What leaves the range of its input as it is; of layers in front of a network
# also all random ones, which do nothing outside of training.
_TRANSPARENT = (
    keras.layers.AveragePooling2D,
    keras.layers.CenterCrop,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.GaussianNoise,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Identity,
    keras.layers.MaxPooling2D,
    keras.layers.Permute,
    keras.layers.Reshape,
    keras.layers.Resizing,
    keras.layers.ZeroPadding2D,
)
_TRANSPARENT_OPERATIONS = ("Cast", "Flip", "GetItem")
# Below, a factor makes small numbers of pixels; above the other, pixels of
# small numbers.
_REDUCES, _ENLARGES = 1 / 16, 16


class ExpectedScaling(NamedTuple):
    """What the first layers of a model tell.

    Attributes:
        scaling: What the model expects; `None` if they do not tell it.
        found: The layers, for messages.
    """

    scaling: PixelScaling | None
    found: str


def resolve_scaling(
    model: keras.Model,
    image: ImageSpec | None = None,
    scaling: str | PixelScaling | None = None,
) -> PixelScaling:
    """The scaling of pixels that a model expects.

    Args:
        model: Model with one image input.
        image: What is recorded of it, if anything. A scaling that is not the
            default counts for more than what the layers tell; the default
            counts where they tell nothing.
        scaling: As in `keras_mobilevit.pixel_scaling.find_scaling`: counts
            for more than both.

    Raises:
        ValueError: If neither is there and the layers tell nothing, or the
            scaling is none.
    """
    if scaling is not None:
        return find_scaling(scaling)
    stated = None if image is None else scaling_of(image)
    if stated is not None and not stated.is_identity:
        return stated
    expected = expected_scaling(model)
    if expected.scaling is not None:
        return expected.scaling
    if stated is not None:
        return stated
    raise ValueError(
        f"Nothing tells how the model {model.name!r} expects its pixels to be "
        f"scaled: {expected.found}. Give `scaling` (--scaling): {FORMS}."
    )


def describe_scaling(info: ModelInfo, model: keras.Model) -> ModelInfo:
    """A description with the scaling that the first layers of a model tell.

    What is known of weights may be of a network without those layers.
    """
    scaling = expected_scaling(model).scaling
    if scaling is None:
        return info
    image = dataclasses.replace(
        info.image, scale=scaling.scale, offset=scaling.offset
    )
    return dataclasses.replace(info, image=image)


def with_scaling(model: keras.Model, scaling: PixelScaling) -> keras.Model:
    """A model that takes pixels in [0, 255] and scales them for another.

    Args:
        model: Model with one image input.
        scaling: What it expects. If that is pixels, it is returned as it is.

    Raises:
        ValueError: If the scaling is for another number of channels.
    """
    if scaling.is_identity:
        return model
    (tensor,) = model.inputs
    counts = {np.size(scaling.scale), np.size(scaling.offset)} - {1}
    if counts - {tensor.shape[-1]}:
        raise ValueError(
            f"The input of the model has {tensor.shape[-1]} channels. "
            f"Received: a scaling of {max(counts)} channels"
        )
    inputs = keras.Input(
        batch_shape=tensor.shape,
        dtype=tensor.dtype,
        name=tensor._keras_history.operation.name,
    )
    scale, offset = (
        list(number) if np.ndim(number) else number
        for number in (scaling.scale, scaling.offset)
    )
    scaled = keras.layers.Rescaling(
        scale, offset, name="preprocessing", dtype="float32"
    )(inputs)
    return keras.Model(inputs, model(scaled), name=model.name)


def expected_scaling(model: keras.Model) -> ExpectedScaling:
    """What the first layers of a model tell of the scaling that it expects.

    Args:
        model: Model with one image input, also with nested models.
    """
    if len(getattr(model, "inputs", None) or ()) != 1:
        return ExpectedScaling(None, "it is not made of Keras layers alone")
    channels = model.inputs[0].shape[-1]
    factor, offset, found = np.ones(channels), np.zeros(channels), []
    for operation, node, parent in _first_operations(model):
        name = f"`{type(operation).__name__}` {operation.name!r}"
        step = _affine(operation, node, channels)
        if step is None:
            if not found and (known := _architecture(operation, parent)):
                return ExpectedScaling(
                    SCALINGS["unit"], f"it is a {known} without preprocessing"
                )
            break
        factor, offset = step[0] * factor, step[0] * offset + step[1]
        if (step[0] != 1).any() or (step[1] != 0).any():
            found.append(name)
            # `BatchNormalization` and others may follow, with any numbers.
            if scaling := _made_for(factor, offset):
                return ExpectedScaling(scaling, f"it begins with {name}")
    else:
        name = "several branches"
    if found:
        listed = ", ".join(found)
        return ExpectedScaling(None, f"{listed} may be made for any")
    return ExpectedScaling(None, f"it begins with {name}, which scales nothing")


def _made_for(factor, offset):
    """The range that an affine function of inputs is made for."""
    # A channel may not count at all.
    counts = np.isfinite(factor) & (factor != 0)
    factor, offset = factor[counts], offset[counts]
    if not len(factor) or (factor < 0).any():
        return None
    factor, center = factor.mean(), (-offset / factor).mean()
    if factor <= _REDUCES:
        return SCALINGS["pixels"]
    if (offset == 0).all():
        return SCALINGS["unit"] if factor >= _ENLARGES else None
    if center >= 8:
        # A mean of pixels: 127.5, 123.7, ...
        return SCALINGS["pixels"]
    if 0.1 <= center <= 0.9 and factor >= 1.5:
        # A mean of pixels in [0, 1]: 0.5, 0.485, ...
        return SCALINGS["unit"]
    if abs(center + 1) < 1e-3:
        # From -1 to 0.
        return SCALINGS["signed"]
    return None


# === The first operations ===


def _first_operations(model) -> Iterator[tuple]:
    """Yields operations behind the input, as long as there is one path.

    With each the node of its call, and the model that it is in. Nested models
    are entered.
    """
    yield from _operations_behind(model, model.inputs[0])


def _operations_behind(model, tensor):
    """Returns whether the path leads to the end of the model."""
    graph = getattr(model, "_functional", None) or model
    while not any(tensor is output for output in model.outputs):
        calls = [
            (operation, node)
            for operation in graph.operations
            for node in operation._inbound_nodes
            if any(tensor is x for x in _values_read(operation, node))
        ]
        if len({id(operation) for operation, _ in calls}) != 1:
            return False
        # A Sequential calls its layers anew whenever one is added.
        operation, node = calls[-1]
        if len(node.outputs) != 1:
            return False
        if isinstance(operation, keras.Model) and (
            len(getattr(operation, "inputs", None) or ()) == 1
        ):
            ends = yield from _operations_behind(operation, operation.inputs[0])
            if not ends:
                return False
        else:
            yield operation, node, model
        tensor = node.outputs[0]
    return True


def _values_read(operation, node):
    """Inputs of a call, but for those of which only the size counts."""
    if isinstance(operation, ResizeLike):
        return node.input_tensors[:1]
    return node.input_tensors


def _architecture(operation, model):
    """Name of the registered architecture that begins here, if one does.

    Names of layers stay in copies and files.
    """
    words = {layer.name.partition("_")[0] for layer in model.layers}
    for architecture in architectures():
        first, *others = architecture.parts
        if operation.name.partition("_")[0] in first and all(
            words.intersection(part) for part in others
        ):
            return architecture.name
    return None


def _affine(operation, node, channels):
    """`(factor, offset)` of each channel; `None` if it is no such thing."""
    kind = type(operation).__name__
    if isinstance(operation, keras.layers.Layer):
        if isinstance(operation, _TRANSPARENT) or kind.startswith("Random"):
            return np.ones(channels), np.zeros(channels)
        if not isinstance(operation, _SCALING_LAYERS):
            return None
    elif kind in _TRANSPARENT_OPERATIONS:
        return np.ones(channels), np.zeros(channels)
    elif kind not in _ARITHMETIC or len(node.input_tensors) != 1:
        return None
    try:
        zero, one, many = (
            _call(operation, node, np.full((1, 1, 1, channels), x, np.float32))
            for x in (0, 1, 200)
        )
    # What a `Lambda` does is anything.
    except Exception:
        return None
    if not zero.shape == one.shape == many.shape == (1, 1, 1, channels):
        return None
    factor = one - zero
    expected = 200 * factor + zero
    if not np.allclose(many, expected, rtol=1e-2, atol=1e-2, equal_nan=True):
        return None
    return factor.reshape(-1), zero.reshape(-1)


def _call(operation, node, values):
    (tensor,) = node.input_tensors
    values = keras.ops.convert_to_tensor(values)
    args, kwargs = keras.tree.map_structure(
        lambda given: values if given is tensor else given,
        (node.arguments.args, node.arguments.kwargs),
    )
    return keras.ops.convert_to_numpy(operation(*args, **kwargs))
