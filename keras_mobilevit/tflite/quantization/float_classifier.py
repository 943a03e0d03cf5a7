"""A classifier that gives logits stays float where a recipe says so.

Recipes know layers by the names of their tensors. Without an activation behind
it, the tensor of the classifier has the name of the file's output.
"""

from __future__ import annotations

import dataclasses
import re

from keras_mobilevit.tflite.flatbuffer import op_name, tensor_name
from keras_mobilevit.tflite.quantization.recipes import Recipe

# With an activation behind it.
_LAYER = "predictions"
CLASSIFIER = f"{_LAYER}/fully_connected"


def linear_classifier(model) -> str | None:
    """Name of the tensor of a dense layer that gives the output of a graph.

    Args:
        model: As `read_model` gives it.

    Returns:
        `None` if something else gives it, or there are several outputs.
    """
    (graph,) = model.subgraphs
    last = graph.operators[-1]
    if [*map(int, graph.outputs)] != [*map(int, last.outputs)]:
        return None
    if op_name(model, last) != "FULLY_CONNECTED":
        return None
    return tensor_name(graph, int(last.outputs[0]))


def with_float_classifier(recipe: Recipe, model) -> Recipe:
    """A recipe that matches the classifier of a network by its name.

    Args:
        recipe: Any recipe.
        model: The float graph, as `read_model` gives it.

    Returns:
        One that keeps a dense layer at the end of the graph in float, if the
        recipe does so for classifiers with an activation and misses this one;
        otherwise the recipe itself.
    """
    name = linear_classifier(model)
    if (
        name is None
        or recipe.stays_float(name)
        or not any(
            _LAYER in pattern and re.search(pattern, CLASSIFIER)
            for pattern in recipe.skip_layers
        )
    ):
        return recipe
    # The quantizer puts a ";" behind each name.
    pattern = f"^{re.escape(name)}(;|$)"
    return dataclasses.replace(
        recipe, skip_layers=(*recipe.skip_layers, pattern)
    )
