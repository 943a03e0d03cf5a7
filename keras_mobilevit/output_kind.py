"""Whether a Keras model gives logits or probabilities: the one rule for it."""

from __future__ import annotations

import keras

from keras_mobilevit.layers import ASPP, ResizeLike
from keras_mobilevit.problem_types import KINDS, ScoreFormat, score_format

_WITH_ACTIVATION = (
    keras.layers.Activation,
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.SeparableConv2D,
)
# What stands behind a head and leaves its numbers what they are.
_TRANSPARENT = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Reshape,
    keras.layers.Resizing,
    keras.layers.UpSampling2D,
    ResizeLike,
)


def output_kind(model: keras.Model) -> str | None:
    """What the numbers of a model with class scores are, by its last layer.

    Returns:
        `"probabilities"` behind a softmax or a sigmoid; `"logits"` of a dense
        or convolutional layer without activation; `None` for all else, such
        as features, and for models with several outputs.
    """
    return KINDS.get(_last_activation(model))


def output_scores(model: keras.Model) -> ScoreFormat:
    """How to read the scores of a classifier, by its last layer.

    Returns:
        All unknown if it has several outputs, or no numbers for a picture.
    """
    outputs = getattr(model, "outputs", None) or ()
    if len(outputs) != 1 or len(outputs[0].shape) != 2:
        return ScoreFormat()
    return score_format(_last_activation(model), outputs[0].shape[-1])


def is_dense_prediction(model: keras.Model) -> bool:
    """Whether a model gives class scores at each place of a map.

    Feature maps, which end in a norm or another activation, are none.
    """
    outputs = getattr(model, "outputs", None) or ()
    if len(outputs) != 1 or len(outputs[0].shape) != 4:
        return False
    return output_kind(model) is not None or any(
        isinstance(layer, ASPP) for layer in model._flatten_layers()
    )


def _last_activation(model):
    """Its name, `"linear"` for none; `None` if unknown."""
    outputs = getattr(model, "outputs", None) or ()
    if len(outputs) != 1:
        return None
    (tensor,) = outputs
    while True:
        operation, node, index = tensor._keras_history
        if isinstance(operation, keras.Model):
            if not getattr(operation, "outputs", None):
                return None
            tensor = operation.outputs[index]
            continue
        activation = _activation(operation)
        is_identity = isinstance(operation, keras.layers.Activation) and (
            activation == "linear"
        )
        if not is_identity and not isinstance(operation, _TRANSPARENT):
            return activation
        tensor = operation._inbound_nodes[node].input_tensors[0]


def _activation(operation):
    # Keras' own function of that name is an operation of this class.
    kind = type(operation).__name__.lower()
    if kind in ("softmax", "sigmoid"):
        return kind
    if isinstance(operation, _WITH_ACTIVATION):
        return getattr(operation.activation, "__name__", None)
    return None
