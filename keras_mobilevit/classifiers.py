"""Classifiers of any architecture, as `keras.applications` has them."""

from __future__ import annotations

from collections.abc import Callable

import keras

from keras_mobilevit.architectures import named_weights
from keras_mobilevit.backbone import (
    check_weights,
    finish_model,
    image_input,
    rescale,
)

# Frames from `image_input` to the user, through a constructor and its builder.
_STACKLEVEL = 5


def build_classifier(
    variant: str,
    features: Callable,
    dropout: float,
    *,
    include_top: bool,
    include_preprocessing: bool,
    weights,
    input_tensor,
    input_shape: tuple | None,
    pooling: str | None,
    classes: int,
    classifier_activation,
    name: str,
) -> keras.Model:
    """Builds a classifier or feature extractor.

    Args:
        variant: Name of the variant.
        features: From an image in [0, 1] to the map that is pooled.
        dropout: Rate in front of the classifier; 0 for no such layer.
        include_top: As in all constructors of `keras.applications`, like
            those below.
        include_preprocessing: Whether the model scales pixels itself.
        weights: See `include_top`.
        input_tensor: See `include_top`.
        input_shape: See `include_top`.
        pooling: See `include_top`.
        classes: See `include_top`.
        classifier_activation: See `include_top`.
        name: Name of the model.

    Raises:
        ValueError: If an argument is out of its range, or the weights do not
            fit.
    """
    # === Arguments ===
    check_weights(weights, variant)
    named = named_weights("classification", variant)
    known = named.get(weights, next(iter(named.values()))).info
    if weights in named and include_top:
        if classes not in (1000, known.classes):
            raise ValueError(
                f'If using `weights="{weights}"` with `include_top=True`, '
                f"`classes` should be {known.classes}. Received: "
                f"classes={classes}"
            )
        classes = known.classes
    if include_top and weights is not None:
        _validate_activation(classifier_activation)
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            '`pooling` must be `None`, "avg" or "max". Received: '
            f"pooling={pooling}"
        )
    image = image_input(
        weights,
        input_tensor,
        input_shape,
        known.image.size[0] if include_top else None,
        stacklevel=_STACKLEVEL,
    )

    # === Functional model ===
    x = rescale(image) if include_preprocessing else image
    x = features(x)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name="top_dropout")(x)
        x = keras.layers.Dense(
            classes,
            activation=classifier_activation,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="predictions",
        )(x)
    elif pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    return finish_model(
        image,
        x,
        weights=weights,
        variant=variant,
        input_tensor=input_tensor,
        name=name,
    )


def _validate_activation(classifier_activation):
    activation = keras.activations.get(classifier_activation)
    if activation not in (
        keras.activations.get("softmax"),
        keras.activations.get(None),
    ):
        raise ValueError(
            "Only `None` and `softmax` activations are allowed for the "
            "`classifier_activation` argument when using pretrained weights, "
            "with `include_top=True`. Received: "
            f"classifier_activation={classifier_activation}"
        )
