"""The classifier that a recipe trains, with the weights that it begins from."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_mobilevit.architectures import constructors
from keras_mobilevit.training.recipe import Recipe
from keras_mobilevit.training.starting_point import fits_whole, precision


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
    constructor = constructors("classification")[recipe.variant]
    whole = fits_whole(recipe.weights, "classification", class_names)
    with precision(recipe.optimizer.mixed_precision):
        model = constructor(
            weights=recipe.weights if whole else None,
            input_shape=(None, None, 3),
            classes=len(class_names),
            classifier_activation=None,
        )
    if recipe.weights and not whole:
        _copy_body(constructor, recipe.weights, model)
    return model


def _copy_body(constructor, weights, model):
    body = constructor(
        include_top=False, weights=weights, input_shape=(None, None, 3)
    )
    for layer in body.layers:
        if not layer.weights:
            continue
        model.get_layer(layer.name).set_weights(layer.get_weights())
