"""The heads of a detector, as an export wants them."""

from __future__ import annotations

import keras
import numpy as np

from keras_mobilevit.configs import SSD_LEVELS

_BOX = 4


def is_detector(model: keras.Model) -> bool:
    """Whether a model ends as those of `keras_mobilevit.detection` do."""
    return _find_heads(model) is not None


def count_classes(model: keras.Model) -> int:
    """Classes of a detector, with the background."""
    return model.output_shape[-1] - _BOX


def split_heads(model: keras.Model, *, joined: bool) -> keras.Model:
    """Lets every head predict offsets and logits by convolutions of their own.

    In int8 one convolution has one scale, which would be that of the logits,
    several times as large as the offsets. The function stays the same.

    Args:
        model: Detector, as the constructors of `keras_mobilevit.detection`
            give it.
        joined: Whether to put both together again, as the model does. If not,
            there are two outputs: offsets `(batch, anchors, 4)` of y, x,
            height, width, and probabilities `(batch, anchors, classes)`.

    Raises:
        ValueError: If the model is no such detector.
    """
    heads = _find_heads(model)
    if heads is None:
        raise ValueError(
            "This output head is for the detectors of "
            f"keras_mobilevit.detection. Received: {model.name!r} with output "
            f"shape {model.output_shape}"
        )
    order = (0, 1, 2, 3) if joined else (1, 0, 3, 2)
    channels = _BOX + count_classes(model)
    boxes = _predict(heads, channels, list(order), "boxes")
    logits = _predict(heads, channels, list(range(_BOX, channels)), "logits")
    if joined:
        outputs = keras.layers.Concatenate(name="predictions")([boxes, logits])
    else:
        softmax = keras.layers.Activation("softmax", name="probabilities")
        outputs = [boxes, softmax(logits)]
    return keras.Model(*model.inputs, outputs, name=model.name)


def _find_heads(model):
    """`(convolution, its input)` of each head, `None` if there are none."""
    if len(model.outputs) != 1 or len(model.output_shape) != 3:
        return None
    joint, maps = _origin(model.outputs[0])
    if not isinstance(joint, keras.layers.Concatenate):
        return None
    heads = []
    for reshape, inputs in map(_origin, maps):
        if not isinstance(reshape, keras.layers.Reshape):
            return None
        convolution, features = _origin(inputs[0])
        if not isinstance(convolution, keras.layers.Conv2D):
            return None
        heads.append((convolution, features[0]))
    return heads if len(heads) == len(SSD_LEVELS) else None


def _origin(tensor):
    """The operation that a Keras tensor comes out of, and its inputs."""
    operation, node, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node].input_tensors


def _predict(heads, channels, chosen, name):
    """Some of the channels `[B, anchors, len(chosen)]` of all heads."""
    parts = []
    for index, (source, features) in enumerate(heads):
        kernel, bias = (
            # [..., anchors * channels] -> [..., anchors * len(chosen)]
            w.reshape(*w.shape[:-1], -1, channels)[..., chosen].reshape(
                *w.shape[:-1], -1
            )
            for w in map(np.asarray, source.get_weights())
        )
        convolution = keras.layers.Conv2D(
            len(bias), 1, name=f"head{index}_{name}"
        )
        x = convolution(features)
        convolution.set_weights([kernel, bias])
        parts.append(
            keras.layers.Reshape(
                (-1, len(chosen)), name=f"head{index}_{name}_list"
            )(x)
        )
    # XNNPACK concatenates five tensors at most. The first is the largest, and
    # so is copied once only.
    tail = keras.layers.Concatenate(axis=1, name=f"{name}_tail")(parts[1:])
    return keras.layers.Concatenate(axis=1, name=name)([parts[0], tail])
