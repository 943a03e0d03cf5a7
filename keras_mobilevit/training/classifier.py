"""The model that a recipe trains, with the weights that it begins from."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_mobilevit import checkpoints
from keras_mobilevit.configs import WEIGHTS
from keras_mobilevit.labels import class_names as weights_class_names
from keras_mobilevit.mobilevit import CONSTRUCTORS
from keras_mobilevit.training.recipe import Recipe


def build_classifier(recipe: Recipe, class_names: Sequence[str]) -> keras.Model:
    """Builds the model of a recipe, for pictures of any size.

    Weights of a classifier of other classes go into everything but the
    classifier, which begins at random.

    Args:
        recipe: Names the variant, the weights and the precision.
        class_names: Classes to tell apart, in the order of the outputs.

    Returns:
        A model from RGB pixels in [0, 255] to logits.

    Raises:
        FileNotFoundError: If the weights are the path of no file.
        ValueError: If the weights do not fit the variant.
        OSError: If the weights can not be downloaded.
    """
    constructor = CONSTRUCTORS[recipe.variant]
    whole = recipe.weights and _same_classes(recipe.weights, class_names)
    policy = keras.config.dtype_policy()
    if recipe.optimizer.mixed_precision:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        model = constructor(
            weights=recipe.weights if whole else None,
            input_shape=(None, None, 3),
            classes=len(class_names),
            classifier_activation=None,
        )
    finally:
        keras.config.set_dtype_policy(policy)
    if recipe.weights and not whole:
        _copy_body(constructor, recipe.weights, model)
    return model


def _same_classes(weights, class_names):
    if weights in WEIGHTS:
        # The names of ImageNet are words, its folders have other names.
        if weights == "imagenet":
            return len(class_names) == WEIGHTS[weights].classes
        return weights_class_names(weights) == tuple(class_names)
    info = checkpoints.identify(weights)
    facts = checkpoints.read_facts(weights)
    if facts is not None and facts.labels:
        return facts.labels == tuple(class_names)
    return info.classes == len(class_names)


def _copy_body(constructor, weights, model):
    body = constructor(
        include_top=False, weights=weights, input_shape=(None, None, 3)
    )
    for layer in body.layers:
        if not layer.weights:
            continue
        model.get_layer(layer.name).set_weights(layer.get_weights())
