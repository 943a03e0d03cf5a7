"""The detector or segmentation network that a recipe trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_mobilevit.architectures import constructors
from keras_mobilevit.training.recipe import Recipe
from keras_mobilevit.training.starting_point import fits_whole, precision


def build_dense_network(
    recipe: Recipe, labels: Sequence[str], **options: Any
) -> keras.Model:
    """Builds the network of a recipe, for pictures of any size.

    Weights for the same task and classes go into all of it. Of others, a
    classifier's or a network's for other classes, the backbone alone is
    taken over.

    Args:
        recipe: Names the task, the variant, the weights and the precision.
        labels: Classes to tell apart, in the order of the outputs.
        **options: Further arguments of the constructor.

    Returns:
        A model from RGB pixels in [0, 255] to what its constructor says.

    Raises:
        FileNotFoundError: If the weights are the path of no file.
        ValueError: If the weights do not fit the variant.
        OSError: If the weights can not be downloaded.
    """
    whole = fits_whole(recipe.weights, recipe.task, labels)
    with precision(recipe.optimizer.mixed_precision):
        return constructors(recipe.task)[recipe.variant](
            weights=recipe.weights if whole else None,
            backbone_weights=None if whole else recipe.weights or None,
            input_shape=(None, None, 3),
            classes=len(labels),
            **options,
        )
