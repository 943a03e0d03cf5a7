"""A classifier that gives logits stays float where a recipe says so.

Recipes know layers by the names of their tensors. Without an activation behind
it, the tensor of the classifier is called as the output of the file is.
"""

from __future__ import annotations

import dataclasses
import re

from keras_mobilevit.tflite.flatbuffer import op_name, tensor_name
from keras_mobilevit.tflite.quantization.recipes import Recipe

# With an activation behind it.
_CLASSIFIER = "predictions/fully_connected"


def with_float_classifier(recipe: Recipe, model) -> Recipe:
    """A recipe that finds the classifier of a network.

    Args:
        recipe: Any recipe.
        model: The float graph, as `read_model` gives it.

    Returns:
        One that keeps the dense layer at the end of the graph in float, if the
        recipe does so for classifiers with an activation and misses this one;
        otherwise the recipe itself.
    """
    (graph,) = model.subgraphs
    last = graph.operators[-1]
    name = tensor_name(graph, int(last.outputs[0]))
    if (
        [*map(int, graph.outputs)] != [*map(int, last.outputs)]
        or op_name(model, last) != "FULLY_CONNECTED"
        or not recipe.stays_float(_CLASSIFIER)
        or recipe.stays_float(name)
    ):
        return recipe
    # The quantizer puts a ";" behind each name.
    pattern = f"^{re.escape(name)}(;|$)"
    return dataclasses.replace(
        recipe, skip_layers=(*recipe.skip_layers, pattern)
    )
