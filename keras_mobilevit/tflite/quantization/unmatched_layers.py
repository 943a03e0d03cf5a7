"""Warns of a recipe that names layers which a network does not have."""

from __future__ import annotations

import re
import warnings

from keras_mobilevit.architectures import architectures
from keras_mobilevit.text_formatting import abbreviate
from keras_mobilevit.tflite.flatbuffer import tensor_name
from keras_mobilevit.tflite.quantization.float_classifier import (
    CLASSIFIER,
    linear_classifier,
)
from keras_mobilevit.tflite.quantization.recipes import NORMS, Recipe


def warn_of_unmatched_layers(recipe: Recipe, model) -> None:
    """Warns where `skip_layers` would keep nothing in float.

    The patterns for norms, which every recipe has, may match nothing; of
    those for the layers of an architecture, one has to match.

    Args:
        recipe: As the user chose it.
        model: The float graph, as `read_model` gives it.

    Warns:
        UserWarning: If patterns match no tensor.
    """
    (graph,) = model.subgraphs
    names = [
        tensor_name(graph, output)
        for op in graph.operators
        for output in op.outputs
    ]
    if linear_classifier(model):
        # It is found by the name that it would have.
        names.append(CLASSIFIER)
    unmatched = [
        pattern
        for pattern in recipe.skip_layers
        if pattern not in NORMS
        and not any(re.search(pattern, name) for name in names)
    ]
    for architecture in architectures():
        known = set(architecture.float_layers) & set(recipe.skip_layers)
        if known - set(unmatched):
            unmatched = [p for p in unmatched if p not in known]
    if unmatched:
        warnings.warn(
            f"The recipe {recipe.name} keeps layers in float by their names, "
            f"but no layer of the network matches {abbreviate(unmatched, 2)}; "
            f"its tensors are named like {abbreviate(names, 3)}. Search for "
            "the layers with `keras-mobilevit search`, or change "
            "`skip_layers`.",
            stacklevel=3,
        )
