"""Names that layers have in the architecture's own networks.

Recipes pick layers by name. A backbone may be nested in another model, and its
layers may have been renamed; the weights of a layer, by their names inside it,
still tell which one it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import keras

from keras_mobilevit.architectures import architectures
from keras_mobilevit.checkpoints import layouts

Path = tuple[str, ...]

# What stands in front of and behind a classifier's backbone is named as the
# layers are that stand there in the architecture's own classifiers.
_IN_FRONT, _BEHIND = "preprocessing", "predictions"
# Rank of class scores, or of features.
_VECTOR_RANK = 2


def architecture_names(network: keras.Model) -> dict[Path, Path]:
    """Finds the layers of a registered architecture, wherever they are.

    Args:
        network: Functional or Sequential model, in deploy form or not.

    Returns:
        Path of a layer, through nested models, to the path that recipes know
        it by. Empty if the network is of no registered architecture. Of a
        network with a vector as output, layers in front of the backbone and
        behind it have paths inside `preprocessing` and `predictions`.
    """
    layers = list(_leaves(network))
    vectors = all(len(x.shape) == _VECTOR_RANK for x in network.outputs)
    found = max(
        (_match(layers, a.name, vectors) for a in architectures()),
        key=len,
        default={},
    )
    if not found:
        return {}
    names = {layers[index][0]: (name,) for index, name in found.items()}
    if vectors:
        known = {*found.values(), _IN_FRONT, _BEHIND, "avg_pool", "max_pool"}
        for index, (path, _) in enumerate(layers):
            if index in found:
                continue
            own = path[-1]
            if own in known:
                names[path] = (own,)
            elif index < min(found):
                names[path] = (_IN_FRONT, own)
            elif index > max(found):
                names[path] = (_BEHIND, own)
    return names


def rename(path: Path, names: dict[Path, Path]) -> Path:
    """A path through the layers of a network, by `architecture_names`."""
    for start in range(len(path)):
        for end in range(len(path), start, -1):
            if path[start:end] in names:
                return (*names[path[start:end]], *path[end:])
    return path


def _leaves(model: keras.Model, path: Path = ()) -> Iterator:
    """Yields (path, layer), with those of nested models in their place."""
    for layer in model.layers:
        inner = (*path, layer.name)
        if isinstance(layer, keras.Model) and layer.layers:
            yield from _leaves(layer, inner)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield inner, layer


def _match(layers, architecture: str, vectors: bool) -> dict[int, str]:
    """Index of each layer of the architecture -> its own name.

    They are found in their order, from the first one on; the last ones may be
    missing. With less than half of them it is another network.
    """
    wanted: dict[str, set[str]] = {}
    for weight in layouts.table("keras", "classification", architecture):
        name, _, inside = weight.path.partition("/")
        wanted.setdefault(name, set()).add(inside)
    backbone = {
        module.keras.partition("/")[0]
        for module in layouts.key_map(architecture).backbone()
    }
    # Behind the backbone of classifiers there may be more that is known, but
    # a dense layer any network has.
    order = [n for n in list(wanted)[:-1] if vectors or n in backbone]
    found, matched = {}, {}
    for index, (_, layer) in enumerate(layers):
        name = order[len(matched)]
        if _is_like(layer, wanted[name]):
            matched[index] = name
        if len(matched) == len(order):
            # A network may have several backbones.
            found, matched = found | matched, {}
    if 2 * len(matched) > len(backbone):
        found |= matched
    return found


def _is_like(layer, wanted):
    """Whether most weights of a layer are called so, inside the layer."""
    paths = [weight.path.split("/") for weight in layer.weights]
    shared = len(os.path.commonprefix(paths))
    inside = {"/".join(path[shared:]) for path in paths}
    return 2 * len(inside & wanted) >= len(inside) > 0
